package cloudwatch

import (
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	cw "github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
)

var comparisons = map[types.ComparisonOperator]func(v, threshold float64) bool{
	types.ComparisonOperatorGreaterThanOrEqualToThreshold: func(v, t float64) bool { return v >= t },
	types.ComparisonOperatorGreaterThanThreshold:          func(v, t float64) bool { return v > t },
	types.ComparisonOperatorLessThanThreshold:             func(v, t float64) bool { return v < t },
	types.ComparisonOperatorLessThanOrEqualToThreshold:    func(v, t float64) bool { return v <= t },
}

// checkAlarm holds what a caller wants against CloudWatch's rules beyond its model.
func checkAlarm(in *cw.PutMetricAlarmInput) error {
	switch {
	case in.EvaluationCriteria != nil || in.ThresholdMetricId != nil || (in.ComparisonOperator != "" && comparisons[in.ComparisonOperator] == nil):
		return refused("The local cloud evaluates alarms on a threshold: anomaly detection and PromQL are not supported")
	case in.ComparisonOperator == "":
		return missing("ComparisonOperator")
	case in.Threshold == nil:
		return missing("Threshold")
	case aws.ToInt32(in.EvaluationPeriods) < 1:
		return missing("EvaluationPeriods")
	case in.DatapointsToAlarm != nil && *in.DatapointsToAlarm > *in.EvaluationPeriods:
		return refused("The parameter DatapointsToAlarm must be less than or equal to the parameter EvaluationPeriods")
	case !slices.Contains([]string{"", "breaching", "notBreaching", "ignore", "missing"}, aws.ToString(in.TreatMissingData)):
		return refused("The value %s is not supported for parameter TreatMissingData, supported values are [breaching, notBreaching, ignore, missing].", *in.TreatMissingData)
	case len(in.Metrics) > 0:
		return checkQueries(in)
	}
	return checkMetric(in)
}

func checkMetric(in *cw.PutMetricAlarmInput) error {
	switch {
	case in.MetricName == nil:
		return missing("MetricName")
	case in.Namespace == nil:
		return missing("Namespace")
	case in.Period == nil:
		return missing("Period")
	case !validPeriod(*in.Period):
		return refused("Period must be 10, 20, 30 or a multiple of 60")
	case (in.Statistic == "") == (in.ExtendedStatistic == nil):
		return badMix("Exactly one of Statistic and ExtendedStatistic must be specified.")
	case int64(*in.Period)*int64(*in.EvaluationPeriods) > 7*86400:
		return refused("Metrics cannot be checked across more than a week (EvaluationPeriods * Period must be <= 604800).")
	}
	if _, ok := statisticOf(statisticName(in.Statistic, in.ExtendedStatistic)); !ok {
		return refused("The value %s for parameter ExtendedStatistic is not supported.", aws.ToString(in.ExtendedStatistic))
	}
	return nil
}

func statisticName(s types.Statistic, extended *string) string {
	if s != "" {
		return string(s)
	}
	return aws.ToString(extended)
}

func checkQueries(in *cw.PutMetricAlarmInput) error {
	if in.MetricName != nil || in.Namespace != nil || in.Period != nil || in.Statistic != "" || in.ExtendedStatistic != nil || len(in.Dimensions) > 0 {
		return badMix("The parameters Metrics and MetricName, Namespace, Dimensions, Period, Unit, Statistic or ExtendedStatistic are mutually exclusive.")
	}
	if _, err := compileAll(in.Metrics); err != nil {
		return refused("Invalid metrics list: %s", err)
	}
	if n := len(slices.DeleteFunc(slices.Clone(in.Metrics), hidden)); n != 1 {
		return refused("Exactly one element of the metrics list should return data.")
	}
	return nil
}

// hidden tells whether a query's values are not returned, only used by others.
func hidden(q types.MetricDataQuery) bool { return q.ReturnData != nil && !*q.ReturnData }
