// Package constraints knows what the Go types of the SDK do not: which members of an
// input are required, how long, how large and of which form values may be, which
// operations answer with nothing, how errors are called and with which status they go.
// The facts stand in data/, generated from the services' models; see gen for the format.
//
// Tables are read at a service's first use, and an operation's checks made at its first
// call, so that what is not used costs nothing. Check finds violations; how they are
// worded is the caller's business. Patterns that Go cannot express are not checked.
package constraints

//go:generate go run ./gen $BOTOCORE_DATA data ecs codedeploy ecr elbv2=elasticloadbalancing sts iam cloudwatch logs ssm secretsmanager lambda
