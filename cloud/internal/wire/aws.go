package wire

import "github.com/turnoutdev/turnout/cloud/internal/wire/codec"

// AWS's services on the wire, one row each: to add a service is to add a row, and its
// exceptions in names.go. The facts are the service's model's.

// ECS is Amazon Elastic Container Service.
func ECS(ops []Op) *Service {
	return &Service{
		ID: "ecs", SDK: "ECS", SigningNames: []string{"ecs"}, Version: "2014-11-13",
		Protocols: []Protocol{JSON11}, TargetPrefix: "AmazonEC2ContainerServiceV20141113",
		Names: ecsNames(), Ops: ops, Wording: ECSWords, InvalidCode: "InvalidParameterException",
	}
}

// CodeDeploy is AWS CodeDeploy.
func CodeDeploy(ops []Op) *Service {
	return &Service{
		ID: "codedeploy", SDK: "CodeDeploy", SigningNames: []string{"codedeploy"}, Version: "2014-10-06",
		Protocols: []Protocol{JSON11}, TargetPrefix: "CodeDeploy_20141006",
		Names: codedeployNames(), Ops: ops,
	}
}

// ECR is Amazon Elastic Container Registry: its API, not the registry itself.
func ECR(ops []Op) *Service {
	return &Service{
		ID: "ecr", SDK: "ECR", SigningNames: []string{"ecr"}, Version: "2015-09-21",
		Protocols: []Protocol{JSON11}, TargetPrefix: "AmazonEC2ContainerRegistry_V20150921",
		Names: ecrNames(), Ops: ops, Wording: ECRWords, InvalidCode: "InvalidParameterException",
	}
}

// ELBv2 is Elastic Load Balancing, version 2.
func ELBv2(ops []Op) *Service {
	return &Service{
		ID: "elasticloadbalancing", SDK: "Elastic Load Balancing v2",
		SigningNames: []string{"elasticloadbalancing"}, Version: "2015-12-01",
		Protocols: []Protocol{Query}, XMLNS: "http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/",
		Names: &codec.Names{}, Ops: ops, Wording: CoralWords, InvalidCode: "ValidationError",
	}
}

// STS is AWS Security Token Service.
func STS(ops []Op) *Service {
	return &Service{
		ID: "sts", SDK: "STS", SigningNames: []string{"sts"}, Global: true, Version: "2011-06-15",
		Protocols: []Protocol{Query}, XMLNS: "https://sts.amazonaws.com/doc/2011-06-15/",
		Names: stsNames(), Ops: ops, Wording: CoralWords, InvalidCode: "ValidationError",
	}
}

// IAM is AWS Identity and Access Management.
func IAM(ops []Op) *Service {
	return &Service{
		ID: "iam", SDK: "IAM", SigningNames: []string{"iam"}, Global: true, Version: "2010-05-08",
		Protocols: []Protocol{Query}, XMLNS: "https://iam.amazonaws.com/doc/2010-05-08/",
		Names: iamNames(), Ops: ops, Wording: CoralWords, InvalidCode: "ValidationError",
	}
}

// CloudWatch is Amazon CloudWatch's metrics and alarms. Its SDKs speak three protocols.
func CloudWatch(ops []Op) *Service {
	return &Service{
		ID: "cloudwatch", SDK: "CloudWatch", SigningNames: []string{"monitoring"}, Version: "2010-08-01",
		Protocols: []Protocol{CBOR, JSON10, Query}, TargetPrefix: "GraniteServiceVersion20100801",
		XMLNS:  "http://monitoring.amazonaws.com/doc/2010-08-01/",
		Status: map[string]int{"ResourceConflict": 409},
		Names:  cloudwatchNames(), Ops: ops, Wording: CoralWords, InvalidCode: "ValidationError",
	}
}

// Logs is Amazon CloudWatch Logs.
func Logs(ops []Op) *Service {
	return &Service{
		ID: "logs", SDK: "CloudWatch Logs", SigningNames: []string{"logs"}, Version: "2014-03-28",
		Protocols: []Protocol{JSON11}, TargetPrefix: "Logs_20140328",
		Names: logsNames(), Ops: ops, Wording: CoralWords, InvalidCode: "InvalidParameterException",
	}
}

// EC2 is Amazon Elastic Compute Cloud, for its networks.
func EC2(ops []Op) *Service {
	return &Service{
		ID: "ec2", SDK: "EC2", SigningNames: []string{"ec2"}, Version: "2016-11-15",
		Protocols: []Protocol{EC2Query}, XMLNS: "http://ec2.amazonaws.com/doc/2016-11-15/",
		Names: ec2Names(), Ops: ops, Wording: CoralWords, InvalidCode: "InvalidParameterValue",
	}
}

// SSM is AWS Systems Manager, for its parameter store.
func SSM(ops []Op) *Service {
	return &Service{
		ID: "ssm", SDK: "SSM", SigningNames: []string{"ssm"}, Version: "2014-11-06",
		Protocols: []Protocol{JSON11}, TargetPrefix: "AmazonSSM",
		Names: ssmNames(), Ops: ops, Wording: CoralWords, InvalidCode: "ValidationException",
	}
}

// SecretsManager is AWS Secrets Manager.
func SecretsManager(ops []Op) *Service {
	return &Service{
		ID: "secretsmanager", SDK: "Secrets Manager", SigningNames: []string{"secretsmanager"}, Version: "2017-10-17",
		Protocols: []Protocol{JSON11}, TargetPrefix: "secretsmanager",
		Names: &codec.Names{}, Ops: ops, Wording: CoralWords, InvalidCode: "ValidationException",
	}
}

// Lambda is AWS Lambda.
func Lambda(ops []Op) *Service {
	return &Service{
		ID: "lambda", SDK: "Lambda", SigningNames: []string{"lambda"}, Version: "2015-03-31",
		Protocols: []Protocol{RestJSON},
		Status: map[string]int{
			"CodeArtifactUserDeletedException":      409,
			"CodeArtifactUserFailedException":       409,
			"CodeArtifactUserPendingException":      409,
			"ENINotReadyException":                  502,
			"ServiceQuotaExceededException":         402,
			"SnapStartRegenerationFailureException": 409,
		},
		Names: lambdaNames(), Ops: ops, Wording: CoralWords, InvalidCode: "ValidationException",
	}
}
