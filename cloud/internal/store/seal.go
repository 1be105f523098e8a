package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"strconv"
)

// A row in the file is sealed: a byte that no JSON begins with, a sum over table, key and
// value, and the value. So a row that has changed, or stands in another's place, is noticed.
// Rows without a seal are of the first form.
const (
	sealMark = 0x01
	sealSize = 5
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func sum(table, key string, value []byte) uint32 {
	c := crc32.Update(0, castagnoli, []byte(table+"\x00"+key+"\x00"))
	return crc32.Update(c, castagnoli, value)
}

func seal(table, key string, value []byte) []byte {
	b := make([]byte, sealSize, sealSize+len(value))
	b[0] = sealMark
	binary.LittleEndian.PutUint32(b[1:], sum(table, key, value))
	return append(b, value...)
}

func sealed(b []byte) bool { return len(b) > 0 && b[0] == sealMark }

// unseal is the value of a row as it stands in the file.
func unseal(table, key string, b []byte) ([]byte, error) {
	if !sealed(b) {
		return b, nil
	}
	if len(b) < sealSize || binary.LittleEndian.Uint32(b[1:]) != sum(table, key, b[sealSize:]) {
		return nil, fmt.Errorf("row %q of table %s has changed", key, table)
	}
	return b[sealSize:], nil
}

// form is the version of what a state file holds. It grows when an older program would
// misunderstand a file.
type form int

const (
	formNow   form = 2 // 1 has rows without seals
	formTable      = "turnout"
	formKey        = "form"
)

func parseForm(key, value []byte) (form, error) {
	n, err := strconv.Atoi(string(value))
	switch {
	case string(key) != formKey || err != nil || n < 1:
		return 0, errors.New("the version of its form has changed")
	case form(n) > formNow:
		return 0, fmt.Errorf("%w: its form has version %d, this program knows %d", errNewer, n, formNow)
	}
	return form(n), nil
}

// stamp is the row that tells a file's form.
func stamp() change {
	return change{formTable, formKey, []byte(strconv.Itoa(int(formNow)))}
}
