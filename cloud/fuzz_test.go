package cloud_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/turnoutdev/turnout/cloud"
)

// shape is how calls of a service look on the wire.
type shape struct {
	signing string // name in the credential scope
	target  string // prefix of X-Amz-Target, for awsJson
	version string // of a form, for awsQuery and ec2Query
}

var shapes = map[string]shape{
	"codedeploy":           {"codedeploy", "CodeDeploy_20141006.", ""},
	"ecs":                  {"ecs", "AmazonEC2ContainerServiceV20141113.", ""},
	"ecr":                  {"ecr", "AmazonEC2ContainerRegistry_V20150921.", ""},
	"logs":                 {"logs", "Logs_20140328.", ""},
	"ssm":                  {"ssm", "AmazonSSM.", ""},
	"secretsmanager":       {"secretsmanager", "secretsmanager.", ""},
	"cloudwatch":           {"monitoring", "GraniteServiceVersion20100801.", ""},
	"elasticloadbalancing": {"elasticloadbalancing", "", "2015-12-01"},
	"iam":                  {"iam", "", "2010-05-08"},
	"sts":                  {"sts", "", "2011-06-15"},
	"ec2":                  {"ec2", "", "2016-11-15"},
}

// call makes a request of "service.Operation" and a body, or of "service METHOD path".
func call(endpoint, what, body string) (*http.Request, string, error) {
	method, path, kind := http.MethodPost, "/", "application/x-www-form-urlencoded"
	service, op, _ := strings.Cut(what, ".")
	s, known := shapes[service]
	header := ""
	switch f := strings.Fields(what); {
	case len(f) == 3 && strings.HasPrefix(f[2], "/"):
		s.signing, method, path, kind = f[0], f[1], f[2], "application/octet-stream"
	case !known:
		return nil, "", fmt.Errorf("%s is no service", service)
	case s.target != "":
		header, kind = s.target+op, "application/x-amz-json-1.1"
	default:
		body = "Action=" + op + "&Version=" + s.version + "&" + body
	}
	r, err := http.NewRequest(method, endpoint+path, strings.NewReader(body))
	if err != nil {
		return nil, "", err
	}
	r.Header.Set("Content-Type", kind)
	r.RemoteAddr = "127.0.0.1:1"
	if header != "" {
		r.Header["X-Amz-Target"] = []string{header}
	}
	sum := sha256.Sum256([]byte(body))
	hash := hex.EncodeToString(sum[:])
	r.Header.Set("X-Amz-Content-Sha256", hash)
	return r, s.signing + " " + hash, nil
}

// FuzzCalls sends signed calls with any body to a whole cloud: none may be answered with a
// failure of the cloud's own, keep it busy, or end it.
func FuzzCalls(f *testing.F) {
	c, err := cloud.Start(f.Context(), cloud.Options{Driver: "fake", TimeScale: 1200, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = c.Stop(f.Context()) })
	for _, s := range c.Parity() {
		for _, op := range s.Operations {
			f.Add(s.ID+"."+op.Name, "{}")
		}
	}
	for _, seed := range seeds {
		f.Add(seed[0], seed[1])
	}
	id, secret := c.Credentials()
	key, signer := aws.Credentials{AccessKeyID: id, SecretAccessKey: secret}, v4.NewSigner()
	f.Fuzz(func(t *testing.T, what, body string) {
		r, signing, err := call(c.Endpoint(), what, body)
		if err != nil {
			return
		}
		name, hash, _ := strings.Cut(signing, " ")
		if signer.SignHTTP(t.Context(), key, r, hash, name, c.Region(), time.Now()) != nil {
			return
		}
		w, began := httptest.NewRecorder(), time.Now()
		c.ServeHTTP(w, r)
		if w.Code == http.StatusInternalServerError {
			t.Errorf("%d %s", w.Code, w.Body)
		}
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("took %v", took)
		}
	})
}

// seeds are calls that reach far into the services.
var seeds = [][2]string{
	{"ecs.CreateCluster", `{"clusterName":"c","tags":[{"key":"a","value":"b"}]}`},
	{"ecs.RegisterTaskDefinition", `{"family":"f","networkMode":"awsvpc","requiresCompatibilities":["FARGATE"],"cpu":"256","memory":".5 GB","containerDefinitions":[{"name":"web","image":"nginx","portMappings":[{"containerPort":80}],` +
		`"healthCheck":{"command":["CMD","x"],"interval":5},"environment":[{"name":"a","value":"b"}],"ulimits":[{"name":"nofile","softLimit":1,"hardLimit":2}]}],"volumes":[{"name":"v"}]}`},
	{"ecs.CreateService", `{"cluster":"c","serviceName":"s","taskDefinition":"f","desiredCount":2,"launchType":"FARGATE","networkConfiguration":{"awsvpcConfiguration":{"subnets":["subnet-1"]}},"deploymentConfiguration":{"maximumPercent":200,"minimumHealthyPercent":50,"deploymentCircuitBreaker":{"enable":true,"rollback":true}}}`},
	{"ecs.UpdateService", `{"cluster":"c","service":"s","desiredCount":3,"forceNewDeployment":true}`},
	{"ecs.RunTask", `{"cluster":"c","taskDefinition":"f:1","count":2,"launchType":"FARGATE","networkConfiguration":{"awsvpcConfiguration":{"subnets":["subnet-1"]}},"overrides":{"containerOverrides":[{"name":"web","command":["a"],"cpu":1}]}}`},
	{"ecs.ListTasks", `{"cluster":"c","family":"f","desiredStatus":"STOPPED","maxResults":1,"nextToken":"x"}`},
	{"ecs.DescribeServices", `{"cluster":"c","services":["s"],"include":["TAGS"]}`},
	{"codedeploy.CreateApplication", `{"applicationName":"app","computePlatform":"ECS"}`},
	{"codedeploy.CreateDeploymentGroup", `{"applicationName":"app","deploymentGroupName":"g","serviceRoleArn":"arn:aws:iam::123456789012:role/r","deploymentStyle":{"deploymentType":"BLUE_GREEN","deploymentOption":"WITH_TRAFFIC_CONTROL"},` +
		`"loadBalancerInfo":{"targetGroupPairInfoList":[{"targetGroups":[{"name":"a"},{"name":"b"}],"prodTrafficRoute":{"listenerArns":["x"]}}]},"blueGreenDeploymentConfiguration":{},"ecsServices":[{"clusterName":"c","serviceName":"s"}]}`},
	{"codedeploy.CreateDeployment", asked("version: 0.0\nResources:\n- T: {Type: AWS::ECS::Service}")},
	{"codedeploy.ListDeployments", `{"applicationName":"app","deploymentGroupName":"g","createTimeRange":{"start":1,"end":2.5},"includeOnlyStatuses":["Created"]}`},
	{"codedeploy.CreateDeploymentConfig", `{"deploymentConfigName":"x","computePlatform":"ECS","trafficRoutingConfig":{"type":"TimeBasedLinear","timeBasedLinear":{"linearPercentage":1,"linearInterval":29}}}`},
	{"ecr.CreateRepository", `{"repositoryName":"a/b","imageTagMutability":"IMMUTABLE_WITH_EXCLUSION","imageTagMutabilityExclusionFilters":[{"filterType":"WILDCARD","filter":"x*"}]}`},
	{"ecr.PutImage", `{"repositoryName":"a/b","imageManifest":"{\"schemaVersion\":2}","imageTag":"1"}`},
	{"ecr.PutLifecyclePolicy", `{"repositoryName":"a/b","lifecyclePolicyText":"{\"rules\":[{\"rulePriority\":1,\"selection\":{\"tagStatus\":\"any\",\"countType\":\"imageCountMoreThan\",\"countNumber\":1},\"action\":{\"type\":\"expire\"}}]}"}`},
	{"ecr.UploadLayerPart", `{"repositoryName":"a/b","uploadId":"x","partFirstByte":0,"partLastByte":1,"layerPartBlob":"e30="}`},
	{"elasticloadbalancing.CreateLoadBalancer", "Name=lb&Subnets.member.1=subnet-1&Subnets.member.2=subnet-2"},
	{"elasticloadbalancing.CreateTargetGroup", "Name=tg&Protocol=HTTP&Port=80&VpcId=vpc-1&TargetType=ip&Matcher.HttpCode=200-299%2C301"},
	{"elasticloadbalancing.CreateRule", "ListenerArn=x&Priority=1&Conditions.member.1.Field=path-pattern&Conditions.member.1.Values.member.1=%2Fa%2F%2A&Actions.member.1.Type=fixed-response&Actions.member.1.FixedResponseConfig.StatusCode=200"},
	{"elasticloadbalancing.ModifyTargetGroupAttributes", "TargetGroupArn=x&Attributes.member.1.Key=stickiness.enabled&Attributes.member.1.Value=true"},
	{"iam.CreateRole", "RoleName=r&AssumeRolePolicyDocument=%7B%22Version%22%3A%222012-10-17%22%2C%22Statement%22%3A%5B%5D%7D"},
	{"iam.SimulateCustomPolicy", "PolicyInputList.member.1=%7B%22Version%22%3A%222012-10-17%22%2C%22Statement%22%3A%7B%22Effect%22%3A%22Allow%22%2C%22Action%22%3A%22s3%3A%2A%22%2C%22Resource%22%3A%22%2A%22%7D%7D&ActionNames.member.1=s3%3AGetObject"},
	{"sts.AssumeRole", "RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Fr&RoleSessionName=ss&DurationSeconds=900&Tags.member.1.Key=a&Tags.member.1.Value=b"},
	{"sts.AssumeRoleWithWebIdentity", "RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Fr&RoleSessionName=ss&WebIdentityToken=e30.e30.e30"},
	{"ec2.DescribeSubnets", "Filter.1.Name=vpc-id&Filter.1.Value.1=vpc-1&MaxResults=5"},
	{"ec2.AuthorizeSecurityGroupIngress", "GroupId=sg-1&IpPermissions.1.IpProtocol=tcp&IpPermissions.1.FromPort=80&IpPermissions.1.ToPort=80&IpPermissions.1.IpRanges.1.CidrIp=0.0.0.0%2F0"},
	{"cloudwatch.PutMetricData", `{"Namespace":"n","MetricData":[{"MetricName":"m","Value":1,"Dimensions":[{"Name":"a","Value":"b"}]}]}`},
	{"cloudwatch.GetMetricData", `{"StartTime":0,"EndTime":253402300799,"MetricDataQueries":[{"Id":"e","Expression":"SUM(METRICS())/PERIOD(m)"},{"Id":"m","MetricStat":{"Metric":{"Namespace":"n","MetricName":"m"},"Period":1,"Stat":"p99.9"}}]}`},
	{"cloudwatch.PutMetricAlarm", `{"AlarmName":"a","Namespace":"n","MetricName":"m","Statistic":"Sum","Period":60,"EvaluationPeriods":1,"Threshold":1,"ComparisonOperator":"GreaterThanThreshold"}`},
	{"logs.FilterLogEvents", `{"logGroupName":"g","filterPattern":"{ $.a = 1 && $.b = \"x*\" }","startTime":0}`},
	{"ssm.PutParameter", `{"Name":"/a/b","Value":"v","Type":"SecureString","Overwrite":true}`},
	{"ssm.GetParametersByPath", `{"Path":"/","Recursive":true,"ParameterFilters":[{"Key":"Type","Option":"Equals","Values":["String"]}]}`},
	{"secretsmanager.CreateSecret", `{"Name":"s","SecretString":"{\"a\":\"b\"}"}`},
	{"s3 PUT /bucket", ""},
	{"s3 PUT /bucket/key", "content"},
	{"s3 GET /bucket?list-type=2&prefix=k&delimiter=%2F&max-keys=1", ""},
	{"s3 POST /bucket?delete", `<Delete><Object><Key>key</Key></Object></Delete>`},
	{"s3 PUT /bucket/key?tagging", `<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>`},
	{"s3 POST /bucket/key?uploadId=x", `<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>"x"</ETag></Part></CompleteMultipartUpload>`},
	{"lambda POST /2015-03-31/functions", `{"FunctionName":"f","Role":"arn:aws:iam::123456789012:role/r","Runtime":"provided.al2023","Handler":"h","Code":{"ZipFile":"UEsFBgAAAAAAAAAAAAAAAAAAAAAAAA=="}}`},
	{"lambda POST /2015-03-31/functions/f/invocations", `{}`},
}
