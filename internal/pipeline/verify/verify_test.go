package verify

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	cdtypes "github.com/aws/aws-sdk-go-v2/service/codedeploy/types"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"github.com/turnoutdev/turnout/internal/awsclient/awstest"
	"github.com/turnoutdev/turnout/internal/config"
	"github.com/turnoutdev/turnout/internal/fault"
	"github.com/turnoutdev/turnout/internal/run"
	"github.com/turnoutdev/turnout/internal/watch"
)

func TestWhatIsAsked(t *testing.T) {
	group := &cdtypes.DeploymentGroupInfo{LoadBalancerInfo: &cdtypes.LoadBalancerInfo{TargetGroupPairInfoList: []cdtypes.TargetGroupPairInfo{{ProdTrafficRoute: &cdtypes.TrafficRoute{ListenerArns: []string{"prod"}}}}}}
	rolling := &ecstypes.Service{LoadBalancers: []ecstypes.LoadBalancer{{TargetGroupArn: aws.String("g")}}}
	for name, c := range map[string]struct {
		verify  config.Verify
		url     string
		group   *cdtypes.DeploymentGroupInfo
		service *ecstypes.Service
		want    string // "" for an error
	}{
		"what is configured":            {config.Verify{URL: "http://x/y", Path: "/z"}, "http://given", group, nil, "http://x/y"},
		"what is given":                 {config.Verify{Path: "/z"}, "http://given", group, nil, "http://given/z"},
		"the production listener":       {config.Verify{Path: "/z"}, "", group, nil, "http://lb.example:80/z"},
		"a rolling service's listener":  {config.Verify{Path: "/z"}, "", nil, rolling, "http://lb.example:80/z"},
		"a service without a balancer":  {config.Verify{Path: "/z"}, "", nil, &ecstypes.Service{}, ""},
		"a group without any listeners": {config.Verify{Path: "/z"}, "", &cdtypes.DeploymentGroupInfo{}, nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			a, _ := awstest.New(t,
				awstest.Always[elb.DescribeTargetGroupsInput](&elb.DescribeTargetGroupsOutput{TargetGroups: []elbtypes.TargetGroup{{LoadBalancerArns: []string{"lb"}}}}),
				awstest.Always[elb.DescribeListenersInput](&elb.DescribeListenersOutput{Listeners: []elbtypes.Listener{{ListenerArn: aws.String("l"), Protocol: "HTTP", Port: aws.Int32(80), DefaultActions: []elbtypes.Action{{TargetGroupArn: aws.String("g")}}}}}),
				awstest.Always[elb.DescribeLoadBalancersInput](&elb.DescribeLoadBalancersOutput{LoadBalancers: []elbtypes.LoadBalancer{{DNSName: aws.String("lb.example")}}}))
			got, err := address(t.Context(), &run.Run{AWS: a, Config: &config.Config{Service: "web", Verify: c.verify}, Options: run.Options{URL: c.url}, Group: c.group, Service: c.service})
			if c.want == "" && fault.Code(err) != fault.Usage || c.want != "" && (got != c.want || err != nil) {
				t.Errorf("%q, %v; want %q", got, err, c.want)
			}
		})
	}
}

func TestTheAnswerCounts(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/teapot" {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		w.WriteHeader(http.StatusTeapot)
	}))
	defer srv.Close()
	r := &run.Run{Config: &config.Config{Verify: config.Verify{URL: srv.URL + "/teapot", Status: 418}}}
	if said, err := (Stage{}).Run(t.Context(), r); err != nil || said != srv.URL+"/teapot answers 418" || r.Facts.URL != srv.URL+"/teapot" {
		t.Errorf("%q, %v", said, err)
	}
}

func TestWhenNothingIsAsked(t *testing.T) {
	for until, want := range map[watch.Until]string{"": "", watch.Done: "", watch.Shifted: "", watch.Created: "waited until created only", watch.Registered: "waited until registered only"} {
		r := &run.Run{Config: &config.Config{Verify: config.Verify{Path: "/"}}, Options: run.Options{WaitUntil: until}}
		if got := (Stage{}).Skip(r); got != want {
			t.Errorf("%s: %q", until, got)
		}
	}
	if got := (Stage{}).Skip(&run.Run{Config: &config.Config{}}); got != "no verify.path in turnout.yml" {
		t.Error(got)
	}
}
