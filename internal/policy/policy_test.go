package policy

import "testing"

func TestDocument(t *testing.T) {
	got, err := Document([]Permission{
		{Action: "ecs:DescribeServices", Resource: "arn:x"},
		{Action: "iam:PassRole", Resource: "arn:r", PassedTo: "ecs-tasks.amazonaws.com"},
		{Action: "ecs:ListTasks", Resource: "*", Cluster: "arn:c"},
		{Action: "ecs:DescribeServices", Resource: "arn:a"},
		{Action: "ecs:UpdateService", Resource: "arn:a"},
		{Action: "ecs:UpdateService", Resource: "arn:x"},
		{Action: "ecs:UpdateService", Resource: "arn:x"},
	})
	const want = `{
  "Version": "2012-10-17",
  "Statement": [
    {
      "Effect": "Allow",
      "Action": [
        "ecs:DescribeServices",
        "ecs:UpdateService"
      ],
      "Resource": [
        "arn:a",
        "arn:x"
      ]
    },
    {
      "Effect": "Allow",
      "Action": [
        "ecs:ListTasks"
      ],
      "Resource": [
        "*"
      ],
      "Condition": {
        "ArnEquals": {
          "ecs:cluster": "arn:c"
        }
      }
    },
    {
      "Effect": "Allow",
      "Action": [
        "iam:PassRole"
      ],
      "Resource": [
        "arn:r"
      ],
      "Condition": {
        "StringEquals": {
          "iam:PassedToService": "ecs-tasks.amazonaws.com"
        }
      }
    }
  ]
}
`
	if err != nil || string(got) != want {
		t.Errorf("%v\n%s", err, got)
	}
}

func TestGeneral(t *testing.T) {
	for in, want := range map[string]string{
		"arn:aws:ecs:us-east-1:1:task-definition/web:12":                                  "arn:aws:ecs:us-east-1:1:task-definition/web:*",
		"arn:aws:ecs:us-east-1:1:task/demo/abc":                                           "arn:aws:ecs:us-east-1:1:task/demo/*",
		"arn:aws:ecs:us-east-1:1:service/demo/web":                                        "arn:aws:ecs:us-east-1:1:service/demo/web",
		"arn:aws:logs:us-east-1:1:log-group:/ecs/web:log-stream:ecs/web/abc":              "arn:aws:logs:us-east-1:1:log-group:/ecs/web:log-stream:*",
		"arn:aws:elasticloadbalancing:us-east-1:1:targetgroup/web-blue/0123456789abcdef":  "arn:aws:elasticloadbalancing:us-east-1:1:targetgroup/web-blue/*",
		"arn:aws:elasticloadbalancing:us-east-1:1:loadbalancer/app/web/0123456789abcdef":  "arn:aws:elasticloadbalancing:us-east-1:1:loadbalancer/app/web/*",
		"arn:aws:elasticloadbalancing:us-east-1:1:listener/app/web/0123456789abcdef/0123": "arn:aws:elasticloadbalancing:us-east-1:1:listener/app/web/*",
		"*": "*",
	} {
		if got := General(Permission{Resource: in}).Resource; got != want {
			t.Errorf("%s became %s, want %s", in, got, want)
		}
	}
	if p := General(Permission{Action: "ecs:DescribeServices", Resource: "arn:x", Cluster: "arn:c"}); p.Cluster != "" {
		t.Error("a condition beside an exact resource")
	}
}
