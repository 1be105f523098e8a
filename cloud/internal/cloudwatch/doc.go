// Package cloudwatch is CloudWatch's metrics and alarms, as far as deployments need them:
// put and read metrics, and alarms on a metric or on an expression over several, evaluated
// over what was stored, or on the states of other alarms.
//
// Metrics are kept in memory, by the minute, for three hours; alarms, their states and
// their history are rows of the store. The cloud's own services publish through Record,
// everybody else through PutMetricData; CodeDeploy asks States. On a cloud whose time is
// scaled, alarms' periods shrink with it and metrics are kept by a second instead, so that
// a five-minute alarm is rehearsed in seconds; what a caller reads is in real time.
//
// Where it knowingly differs from AWS: metrics end with the process and are bounded in
// number (2,000 metrics of 720 buckets each, the stalest go first); percentiles are exact
// to one percent; expressions know arithmetic, comparisons and a few functions; alarm
// actions are records (SNS topics and the like are not called, and what they would be told,
// ActionConfiguration, is not kept); anomaly detection, dashboards, streams and Insights are
// absent.
package cloudwatch
