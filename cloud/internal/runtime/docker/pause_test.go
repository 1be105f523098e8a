package docker

import (
	"bytes"
	"debug/elf"
	"encoding/hex"
	"testing"
)

func TestPauseProgramIsAStaticExecutable(t *testing.T) {
	for arch, machine := range map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64} {
		program, err := pauseProgram(arch)
		if err != nil {
			t.Fatal(err)
		}
		f, err := elf.NewFile(bytes.NewReader(program))
		if err != nil {
			t.Fatalf("%s: %v", arch, err)
		}
		if f.Type != elf.ET_EXEC || f.Machine != machine || f.Class != elf.ELFCLASS64 || len(f.Progs) != 1 {
			t.Errorf("%s: %+v", arch, f.FileHeader)
		}
		p := f.Progs[0]
		if p.Type != elf.PT_LOAD || p.Flags != elf.PF_R|elf.PF_X || p.Filesz != uint64(len(program)) {
			t.Errorf("%s: %+v", arch, p.ProgHeader)
		}
		code := program[f.Entry-p.Vaddr:]
		if !bytes.Equal(code, pauseCode[arch]) {
			t.Errorf("%s: the entry point leads to %s", arch, hex.EncodeToString(code))
		}
	}
	if _, err := pauseProgram("sparc"); err == nil || err.Error() != `pause program: no code for architecture "sparc"` {
		t.Errorf("sparc: %v", err)
	}
}

func TestPauseImageIsAlwaysTheSame(t *testing.T) {
	first, err := pauseImage("amd64")
	if err != nil {
		t.Fatal(err)
	}
	second, err := pauseImage("amd64")
	if err != nil {
		t.Fatal(err)
	}
	a, _ := first.ConfigName()
	b, _ := second.ConfigName()
	if a != b || a.Hex == "" {
		t.Errorf("%s and %s", a, b)
	}
	config, err := first.ConfigFile()
	if err != nil || config.OS != "linux" || config.Architecture != "amd64" || len(config.Config.Entrypoint) != 1 {
		t.Errorf("%+v, %v", config, err)
	}
}
