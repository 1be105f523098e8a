package iam

import (
	"context"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/turnoutdev/turnout/cloud/internal/store"
	"github.com/turnoutdev/turnout/internal/regex"
)

const (
	maxThumbprints = 5
	maxClientIDs   = 100
)

func (s *Service) provider(tx *store.Tx, id *string) (provider, error) {
	p, ok := s.tables.providers.Get(tx, aws.ToString(id))
	if !ok {
		return p, noSuch("OpenIDConnect Provider not found for arn %s", aws.ToString(id))
	}
	return p, nil
}

// changeProvider stores what f makes of a provider.
func (s *Service) changeProvider(id *string, f func(*provider) error) error {
	return s.Store.Update(func(tx *store.Tx) error {
		p, err := s.provider(tx, id)
		if err != nil {
			return err
		}
		if err := f(&p); err != nil {
			return err
		}
		s.tables.providers.Put(tx, *id, p)
		return nil
	})
}

// providerHost returns a provider's URL without the scheme, as its ARN has it. HTTPS is
// asked for, but on loopback, where issuers are for tests.
func providerHost(raw string) (string, error) {
	bad := validation("Invalid Open ID Connect Provider URL")
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return "", bad
	}
	local, err := netip.ParseAddr(u.Hostname())
	loopback := u.Hostname() == "localhost" || err == nil && local.IsLoopback()
	if u.Scheme != "https" && (u.Scheme != "http" || !loopback) {
		return "", bad
	}
	return strings.TrimSuffix(u.Host+u.Path, "/"), nil
}

var thumbprint = regex.New(`^[0-9A-Fa-f]{40}$`)

func checkThumbprints(list []string) error {
	if len(list) > maxThumbprints {
		return invalidInput("Thumbprint list must contain fewer than %d entries.", maxThumbprints)
	}
	for _, t := range list {
		if !thumbprint.MatchString(t) {
			return validation("The thumbprint %s is invalid: it must be 40 hexadecimal digits.", t)
		}
	}
	return nil
}

// CreateOpenIDConnectProvider makes an issuer's tokens known. Thumbprints may be left out.
func (s *Service) CreateOpenIDConnectProvider(_ context.Context, in *iam.CreateOpenIDConnectProviderInput, _ ...func(*iam.Options)) (*iam.CreateOpenIDConnectProviderOutput, error) {
	host, err := providerHost(aws.ToString(in.Url))
	if err != nil {
		return nil, err
	}
	if err := checkThumbprints(in.ThumbprintList); err != nil {
		return nil, err
	}
	if len(in.ClientIDList) > maxClientIDs {
		return nil, quota("ClientIdsPerOpenIdConnectProvider", maxClientIDs)
	}
	tags, err := mergeTags(nil, in.Tags)
	if err != nil {
		return nil, err
	}
	id := s.arn("oidc-provider/", "", host)
	p := provider{URL: host, ClientIDs: in.ClientIDList, Thumbprints: in.ThumbprintList, Created: *s.now(), Tags: tags}
	err = s.Store.Update(func(tx *store.Tx) error {
		if _, taken := s.tables.providers.Get(tx, *id); taken {
			return exists("Provider with url %s already exists.", *in.Url)
		}
		s.tables.providers.Put(tx, *id, p)
		return nil
	})
	return answer(&iam.CreateOpenIDConnectProviderOutput{OpenIDConnectProviderArn: id, Tags: tags}, err)
}

// GetOpenIDConnectProvider returns a provider; its URL comes without a scheme.
func (s *Service) GetOpenIDConnectProvider(_ context.Context, in *iam.GetOpenIDConnectProviderInput, _ ...func(*iam.Options)) (*iam.GetOpenIDConnectProviderOutput, error) {
	var p provider
	var err error
	s.Store.View(func(tx *store.Tx) { p, err = s.provider(tx, in.OpenIDConnectProviderArn) })
	if err != nil {
		return nil, err
	}
	return &iam.GetOpenIDConnectProviderOutput{
		Url: &p.URL, ClientIDList: append([]string{}, p.ClientIDs...), ThumbprintList: append([]string{}, p.Thumbprints...),
		CreateDate: &p.Created, Tags: p.Tags,
	}, nil
}

// ListOpenIDConnectProviders returns the ARNs of all providers.
func (s *Service) ListOpenIDConnectProviders(_ context.Context, _ *iam.ListOpenIDConnectProvidersInput, _ ...func(*iam.Options)) (*iam.ListOpenIDConnectProvidersOutput, error) {
	out := &iam.ListOpenIDConnectProvidersOutput{OpenIDConnectProviderList: []types.OpenIDConnectProviderListEntry{}}
	s.Store.View(func(tx *store.Tx) {
		for id := range s.tables.providers.All(tx, "") {
			out.OpenIDConnectProviderList = append(out.OpenIDConnectProviderList, types.OpenIDConnectProviderListEntry{Arn: aws.String(id)})
		}
	})
	return out, nil
}

// DeleteOpenIDConnectProvider removes a provider; one that does not exist is no error.
func (s *Service) DeleteOpenIDConnectProvider(_ context.Context, in *iam.DeleteOpenIDConnectProviderInput, _ ...func(*iam.Options)) (*iam.DeleteOpenIDConnectProviderOutput, error) {
	err := s.Store.Update(func(tx *store.Tx) error {
		s.tables.providers.Delete(tx, aws.ToString(in.OpenIDConnectProviderArn))
		return nil
	})
	return answer(&iam.DeleteOpenIDConnectProviderOutput{}, err)
}

// AddClientIDToOpenIDConnectProvider lets one more audience in; one that is in is no error.
func (s *Service) AddClientIDToOpenIDConnectProvider(_ context.Context, in *iam.AddClientIDToOpenIDConnectProviderInput, _ ...func(*iam.Options)) (*iam.AddClientIDToOpenIDConnectProviderOutput, error) {
	err := s.changeProvider(in.OpenIDConnectProviderArn, func(p *provider) error {
		if slices.Contains(p.ClientIDs, *in.ClientID) {
			return nil
		}
		if len(p.ClientIDs) >= maxClientIDs {
			return quota("ClientIdsPerOpenIdConnectProvider", maxClientIDs)
		}
		p.ClientIDs = append(slices.Clone(p.ClientIDs), *in.ClientID)
		return nil
	})
	return answer(&iam.AddClientIDToOpenIDConnectProviderOutput{}, err)
}

// RemoveClientIDFromOpenIDConnectProvider takes an audience out; one that is not in is no
// error.
func (s *Service) RemoveClientIDFromOpenIDConnectProvider(_ context.Context, in *iam.RemoveClientIDFromOpenIDConnectProviderInput, _ ...func(*iam.Options)) (*iam.RemoveClientIDFromOpenIDConnectProviderOutput, error) {
	err := s.changeProvider(in.OpenIDConnectProviderArn, func(p *provider) error {
		p.ClientIDs = slices.DeleteFunc(slices.Clone(p.ClientIDs), func(id string) bool { return id == *in.ClientID })
		return nil
	})
	return answer(&iam.RemoveClientIDFromOpenIDConnectProviderOutput{}, err)
}

// UpdateOpenIDConnectProviderThumbprint replaces the list of thumbprints.
func (s *Service) UpdateOpenIDConnectProviderThumbprint(_ context.Context, in *iam.UpdateOpenIDConnectProviderThumbprintInput, _ ...func(*iam.Options)) (*iam.UpdateOpenIDConnectProviderThumbprintOutput, error) {
	if err := checkThumbprints(in.ThumbprintList); err != nil {
		return nil, err
	}
	err := s.changeProvider(in.OpenIDConnectProviderArn, func(p *provider) error {
		p.Thumbprints = in.ThumbprintList
		return nil
	})
	return answer(&iam.UpdateOpenIDConnectProviderThumbprintOutput{}, err)
}
