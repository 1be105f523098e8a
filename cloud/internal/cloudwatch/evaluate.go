package cloudwatch

import (
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
)

// point is a period of an alarm's evaluation range.
type point struct {
	at    int64 // start, in seconds
	value float64
	known bool
}

// verdict is what an evaluation comes to. An empty state means: as it was.
type verdict struct {
	state  types.StateValue
	used   []point // those that decided, newest first
	filled int     // missing ones that were treated as something
}

// judge applies CloudWatch's rules to an evaluation range, oldest first, which is longer
// than the n periods of the alarm so that a few late values do no harm. m of n must
// breach.
//
// Values that are there count first, even those before the last n periods. Only when they
// are fewer than n, the rest is treated as treatMissing says; "missing" and "ignore" then
// decide on what is there, but a breach younger than m periods is not enough for an alarm.
func judge(points []point, n, m int, treatMissing string, breaches func(float64) bool) verdict {
	var v verdict
	breaching, oldest := 0, 0
	for i := len(points) - 1; i >= 0 && len(v.used) < n; i-- {
		p := points[i]
		if !p.known {
			continue
		}
		v.used = append(v.used, p)
		if breaches(p.value) {
			breaching++
			oldest = len(points) - i
		}
	}
	absent := n - len(v.used)
	alarm := breaching >= m
	switch {
	case absent == 0:
	case treatMissing == "breaching":
		v.filled = absent
		alarm = breaching+absent >= m
	case treatMissing == "notBreaching":
		v.filled = absent
	case len(v.used) == 0 && treatMissing == "ignore":
		return v
	case len(v.used) == 0:
		v.state = types.StateValueInsufficientData
		return v
	case breaching == len(v.used) && !alarm: // all that is there breaches, but is not enough
		if treatMissing == "ignore" || oldest < m {
			return v
		}
		alarm = true
	}
	v.state = types.StateValueOk
	if alarm {
		v.state = types.StateValueAlarm
	}
	return v
}

// reason words a verdict as CloudWatch does.
func (v verdict) reason(a types.MetricAlarm, n, m int) string {
	if v.state == types.StateValueInsufficientData {
		return "Insufficient Data: " + plural(n, "datapoint was unknown.", "datapoints were unknown.")
	}
	not, next := "", "OK -> ALARM"
	if v.state == types.StateValueOk {
		not, next = "not ", "ALARM -> OK"
		m = n - m + 1
	}
	if len(v.used) == 0 {
		return fmt.Sprintf("Threshold Crossed: no datapoints were received for %s and %s treated as [%s].",
			plural(n, "period", "periods"), plural(n, "missing datapoint was", "missing datapoints were"), treatment(a))
	}
	var values []string
	for _, p := range v.used {
		values = append(values, fmt.Sprintf("%s (%s)", number(p.value), time.Unix(p.at, 0).UTC().Format("02/01/06 15:04:05")))
	}
	verb := "were"
	if len(v.used) == 1 {
		verb = "was"
	}
	text := fmt.Sprintf("Threshold Crossed: %d out of the last %s [%s] %s %s%s the threshold (%s) (minimum %s for %s transition).",
		len(v.used), plural(n, "datapoint", "datapoints"), strings.Join(values, ", "), verb, not, words(a.ComparisonOperator),
		number(*a.Threshold), plural(m, "datapoint", "datapoints"), next)
	if v.filled > 0 {
		text = strings.TrimSuffix(text, ".") + fmt.Sprintf(", %s treated as [%s].", plural(v.filled, "missing datapoint was", "missing datapoints were"), treatment(a))
	}
	return text
}

// treatment is how reasons call TreatMissingData.
func treatment(a types.MetricAlarm) string {
	if aws.ToString(a.TreatMissingData) == "breaching" {
		return "Breaching"
	}
	return "NonBreaching"
}

// number writes 5 as 5.0.
func number(v float64) string {
	s := fmt.Sprint(v)
	if !strings.ContainsAny(s, ".e") {
		s += ".0"
	}
	return s
}

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return itoa(n) + " " + many
}

func words(op types.ComparisonOperator) string {
	switch op {
	case types.ComparisonOperatorGreaterThanOrEqualToThreshold:
		return "greater than or equal to"
	case types.ComparisonOperatorGreaterThanThreshold:
		return "greater than"
	case types.ComparisonOperatorLessThanThreshold:
		return "less than"
	}
	return "less than or equal to"
}
