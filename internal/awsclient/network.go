package awsclient

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// Network is where tasks of a local cloud stand by default.
type Network struct {
	VPC           string
	Subnets       []string // of different zones
	SecurityGroup string   // the VPC's default one
}

// DefaultNetwork asks a local cloud for its default VPC. Nothing else is ever asked of
// EC2, and the SDK's client of it takes longer to compile than all the rest of Turnout:
// so these two questions are asked without it.
func (c *Clients) DefaultNetwork(ctx context.Context) (Network, error) {
	var subnets struct {
		Items []struct {
			ID  string `xml:"subnetId"`
			VPC string `xml:"vpcId"`
		} `xml:"subnetSet>item"`
	}
	if err := c.askEC2(ctx, url.Values{"Action": {"DescribeSubnets"}, "Filter.1.Name": {"default-for-az"}, "Filter.1.Value.1": {"true"}}, &subnets); err != nil {
		return Network{}, err
	}
	if len(subnets.Items) == 0 {
		return Network{}, nil
	}
	n := Network{VPC: subnets.Items[0].VPC}
	for _, s := range subnets.Items {
		n.Subnets = append(n.Subnets, s.ID)
	}
	var groups struct {
		IDs []string `xml:"securityGroupInfo>item>groupId"`
	}
	if err := c.askEC2(ctx, url.Values{
		"Action": {"DescribeSecurityGroups"}, "Filter.1.Name": {"vpc-id"}, "Filter.1.Value.1": {n.VPC}, "Filter.2.Name": {"group-name"}, "Filter.2.Value.1": {"default"},
	}, &groups); err != nil {
		return Network{}, err
	}
	if len(groups.IDs) == 0 {
		return Network{}, errors.New("the default VPC has no default security group")
	}
	n.SecurityGroup = groups.IDs[0]
	return n, nil
}

// askEC2 makes one signed call of EC2's query protocol at the configured endpoint.
func (c *Clients) askEC2(ctx context.Context, form url.Values, out any) error {
	name := form.Get("Action")
	form.Set("Version", "2016-11-15")
	header := http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}
	answer, err := Post(ctx, c.cfg, aws.ToString(c.cfg.BaseEndpoint), "ec2", c.cfg.Region, header, []byte(form.Encode()))
	if err == nil && answer.Code != http.StatusOK {
		err = fmt.Errorf("%s: %s", answer.Status, answer.Body)
	}
	if err == nil {
		err = xml.Unmarshal(answer.Body, out)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}
