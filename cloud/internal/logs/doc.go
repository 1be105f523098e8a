// Package logs is CloudWatch Logs as far as containers and their readers need it: groups,
// streams, put, get, filter, retention and tags.
//
// Groups and streams are rows of the store; the events of a stream are lines of one file,
// appended in the order of arrival. The awslogs driver of the ECS agent writes through
// Sink, everybody else through PutLogEvents.
//
// Where it knowingly differs from AWS: filter patterns match terms and quoted phrases
// (all must occur, "-" excludes, "?" makes alternatives), not JSON or space-delimited
// forms, which are refused; retention is a record until a stream is next written, when
// older events are dropped; subscription filters, metric filters, Insights queries and
// live tail are absent.
package logs
