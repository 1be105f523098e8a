package balancer

import (
	"testing"
	"time"
)

func TestClassesOfResponseTimes(t *testing.T) {
	last := -1
	for us := int64(0); us < 40*60*1e6; us += us/97 + 1 {
		d := time.Duration(us) * time.Microsecond
		c := class(d)
		if c < last || c > last+1 && us > 1 {
			t.Fatalf("%v is of class %d, after %d", d, c, last)
		}
		last = c
		if off := (Times{}.Class(c) - d).Abs(); off > d/16+time.Microsecond {
			t.Fatalf("%v is of class %d, which stands for %v", d, c, Times{}.Class(c))
		}
	}
	if got := class(100 * time.Hour); got != classes-1 {
		t.Errorf("the last class is %d", got)
	}
	var c counters
	c.answered(200, 3*time.Millisecond)
	c.answered(500, 3*time.Millisecond)
	var past counters
	past.add(&c)
	var sum Times
	past.times.into(&sum)
	if sum[class(3*time.Millisecond)] != 2 {
		t.Errorf("counted %v", sum)
	}
}
