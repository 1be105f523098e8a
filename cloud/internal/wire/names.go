package wire

import (
	_ "embed" // EC2's names
	"strings"

	cloudwatch "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	logs "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	ecsdoc "github.com/aws/aws-sdk-go-v2/service/ecs/document"
	ecs "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	iam "github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/turnoutdev/turnout/cloud/internal/wire/codec"
)

// What the SDK's Go names do not tell about the names on the wire. JSON services lower
// the first letter, query services keep it; the exceptions below were found by running
// the SDK's and botocore's own clients against the codec (package conformance).

func ecsNames() *codec.Names {
	return &codec.Names{
		Lower:       true,
		NewDocument: func(v any) any { return ecsdoc.NewLazyDocument(v) },
		Variants: []any{
			&ecs.DescribeGatewayConfigurationMemberHostSharedAlb{},
			&ecs.GatewayConfigurationMemberHostSharedAlb{},
			&ecs.GatewayConnectionResourcesMemberHostSharedAlb{},
			&ecs.GatewayElbAccessLogDestinationMemberS3{},
			&ecs.GatewayInfrastructureResourcesMemberHostSharedAlb{},
			&ecs.GatewayRouteResourcesMemberHostSharedAlb{},
			&ecs.ServiceConnectContainerConfigurationMemberLogLevel{},
			&ecs.SharingStrategyMemberNvidiaMps{},
			&ecs.UpdateGatewayConfigurationMemberHostSharedAlb{},
		},
	}
}

func codedeployNames() *codec.Names {
	return &codec.Names{
		Lower: true,
		Except: map[string]string{
			"ListTagsForResourceInput.NextToken":   "NextToken",
			"ListTagsForResourceInput.ResourceArn": "ResourceArn",
			"ListTagsForResourceOutput.NextToken":  "NextToken",
			"ListTagsForResourceOutput.Tags":       "Tags",
			"TagResourceInput.ResourceArn":         "ResourceArn",
			"TagResourceInput.Tags":                "Tags",
			"UntagResourceInput.ResourceArn":       "ResourceArn",
			"UntagResourceInput.TagKeys":           "TagKeys",
			"DeploymentOverview.Failed":            "Failed",
			"DeploymentOverview.InProgress":        "InProgress",
			"DeploymentOverview.Pending":           "Pending",
			"DeploymentOverview.Ready":             "Ready",
			"DeploymentOverview.Skipped":           "Skipped",
			"DeploymentOverview.Succeeded":         "Succeeded",
			"EC2TagFilter.Key":                     "Key",
			"EC2TagFilter.Type":                    "Type",
			"EC2TagFilter.Value":                   "Value",
			"RevisionLocation.String_":             "string",
			"Tag.Key":                              "Key",
			"Tag.Value":                            "Value",
			"TagFilter.Key":                        "Key",
			"TagFilter.Type":                       "Type",
			"TagFilter.Value":                      "Value",
		},
	}
}

func ecrNames() *codec.Names {
	return &codec.Names{Lower: true, Except: map[string]string{"Tag.Key": "Key", "Tag.Value": "Value"}}
}

func stsNames() *codec.Names {
	return &codec.Names{Except: map[string]string{"PolicyDescriptorType.Arn": "arn"}}
}

func iamNames() *codec.Names {
	return &codec.Names{
		Except: map[string]string{"ListDelegationRequestsOutput.IsTruncated": "isTruncated"},
		Variants: []any{
			&iam.PolicyIdentifierMemberInlinePolicyIdentifier{},
			&iam.PolicyIdentifierMemberPolicyArn{},
			&iam.PolicyIdentifierMemberPolicyType{},
		},
	}
}

func cloudwatchNames() *codec.Names {
	return &codec.Names{
		Except: map[string]string{
			"DashboardInvalidInputError.DashboardValidationMessages": "dashboardValidationMessages",
		},
		Variants: []any{
			&cloudwatch.EvaluationCriteriaMemberPromQLCriteria{},
			&cloudwatch.EvaluationWindowMemberSlidingWindow{},
			&cloudwatch.EvaluationWindowMemberWallClockWindow{},
		},
	}
}

func logsNames() *codec.Names {
	return &codec.Names{
		Lower:  true,
		Except: map[string]string{"DescribeDestinationsInput.DestinationNamePrefix": "DestinationNamePrefix"},
		Variants: []any{
			&logs.IntegrationDetailsMemberOpenSearchIntegrationDetails{},
			&logs.ResourceConfigMemberOpenSearchResourceConfig{},
		},
	}
}

//go:embed ec2names.txt
var ec2NamesText string

// ec2Names reads the table of a model whose names follow no rule.
func ec2Names() *codec.Names {
	except := map[string]string{}
	for line := range strings.Lines(ec2NamesText) {
		if field, name, ok := strings.Cut(strings.TrimSpace(line), " "); ok && field != "#" {
			except[field] = name
		}
	}
	return &codec.Names{EC2: true, Except: except}
}

func ssmNames() *codec.Names {
	return &codec.Names{
		Except: map[string]string{
			"AssociationFilter.Key":              "key",
			"AssociationFilter.Value":            "value",
			"CommandFilter.Key":                  "key",
			"CommandFilter.Value":                "value",
			"DocumentFilter.Key":                 "key",
			"DocumentFilter.Value":               "value",
			"InstanceInformationFilter.Key":      "key",
			"InstanceInformationFilter.ValueSet": "valueSet",
			"InstancePropertyFilter.Key":         "key",
			"InstancePropertyFilter.ValueSet":    "valueSet",
			"SessionFilter.Key":                  "key",
			"SessionFilter.Value":                "value",
		},
	}
}

func lambdaNames() *codec.Names {
	return &codec.Names{
		Except: map[string]string{"TooManyRequestsException.RetryAfterSeconds": "retryAfterSeconds"},
	}
}
