package taskdef

import (
	"slices"
	"testing"
)

func TestWords(t *testing.T) {
	for in, want := range map[string][]string{
		``:                    nil,
		`npm run start`:       {"npm", "run", "start"},
		` a  b `:              {"a", "b"},
		`sh -c 'a "b" c'`:     {"sh", "-c", `a "b" c`},
		`sh -c ""`:            {"sh", "-c", ""},
		`a\ b "c\"d" 'e\f'`:   {"a b", `c"d`, `e\f`},
		`--x="1 2"3`:          {"--x=1 23"},
		`["sh","-c","a  b"]`:  {"sh", "-c", "a  b"},
		`[ -f x ]`:            {"[", "-f", "x", "]"},
		`C:\dir\x.exe /a\\b`:  {`C:\dir\x.exe`, `/a\\b`},
		"a\tb\nc":             {"a", "b", "c"},
		`echo it\'s`:          {"echo", "it's"},
		`--filter=a="b c"\ d`: {"--filter=a=b c d"},
	} {
		got, err := Words(in)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %q, %v", in, got, err)
		}
	}
}
