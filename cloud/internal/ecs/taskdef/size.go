package taskdef

import (
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

// Bounds of a task's CPU units.
const (
	minCPU = 128
	maxCPU = 196608
)

const seeGuide = " For more information, see the Troubleshooting section of the Amazon ECS Developer Guide."

// normalize writes a task's CPU in units and its memory in MiB: "1 vCPU" is 1024, "2GB" is
// 2048.
func normalize(td *types.TaskDefinition) error {
	cpu, err := taskCPU(td.Cpu)
	if err != nil {
		return err
	}
	memory, err := taskMemory(td.Memory)
	if err != nil {
		return err
	}
	td.Cpu, td.Memory = number(cpu), number(memory)
	return nil
}

func number(n int) *string {
	if n == 0 {
		return nil
	}
	return aws.String(strconv.Itoa(n))
}

func taskCPU(s *string) (int, error) {
	if s == nil {
		return 0, nil
	}
	n, ok := amount(*s, "VCPU", 1024)
	if !ok || n < minCPU || n > maxCPU {
		return 0, refuse("Invalid 'cpu' setting for task." + seeGuide)
	}
	return n, nil
}

func taskMemory(s *string) (int, error) {
	if s == nil {
		return 0, nil
	}
	n, ok := amount(*s, "GB", 1024)
	if !ok || n < minMemory {
		return 0, refuse("Invalid 'memory' setting for task." + seeGuide)
	}
	return n, nil
}

// amount reads "512", or "0.5 GB" where unit is worth factor of the plain number.
func amount(s, unit string, factor float64) (int, bool) {
	text, has := strings.CutSuffix(strings.ToUpper(strings.TrimSpace(s)), unit)
	if !has {
		n, err := strconv.Atoi(text)
		return n, err == nil
	}
	f, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
	if err != nil || f < 0 || f > maxCPU {
		return 0, false
	}
	return int(f * factor), true
}

// fargateMemory is what Fargate offers for a task of so many CPU units: lowest and highest
// memory in MiB, and the step between.
var fargateMemory = map[int]struct{ low, high, step int }{
	512:   {1024, 4096, 1024},
	1024:  {2048, 8192, 1024},
	2048:  {4096, 16384, 1024},
	4096:  {8192, 30720, 1024},
	8192:  {16384, 61440, 4096},
	16384: {32768, 122880, 8192},
}

func onFargate(cpu, memory int) bool {
	if cpu == 256 {
		return slices.Contains([]int{512, 1024, 2048}, memory)
	}
	r, ok := fargateMemory[cpu]
	return ok && memory >= r.low && memory <= r.high && (memory-r.low)%r.step == 0
}

func sizes(td *types.TaskDefinition) (cpu, memory int) {
	cpu, _ = strconv.Atoi(aws.ToString(td.Cpu)) // normalized, or none
	memory, _ = strconv.Atoi(aws.ToString(td.Memory))
	return cpu, memory
}
