package iam

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
)

// GitHub's provider as the guides set it up.
func TestProviderStory(t *testing.T) {
	s := newService(t)
	in := &iam.CreateOpenIDConnectProviderInput{
		Url: aws.String("https://token.actions.githubusercontent.com"), ClientIDList: []string{"sts.amazonaws.com"},
		ThumbprintList: []string{strings.Repeat("6", 40)}, Tags: []types.Tag{{Key: aws.String("k"), Value: aws.String("v")}},
	}
	out, err := s.CreateOpenIDConnectProvider(bg, in)
	id := must(t, out, err).OpenIDConnectProviderArn
	if *id != "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com" {
		t.Errorf("made %s", *id)
	}
	_, err = s.CreateOpenIDConnectProvider(bg, in)
	wantError(t, err, "EntityAlreadyExists", "Provider with url https://token.actions.githubusercontent.com already exists.")
	for range 2 { // again is no error
		_, err = s.AddClientIDToOpenIDConnectProvider(bg, &iam.AddClientIDToOpenIDConnectProviderInput{OpenIDConnectProviderArn: id, ClientID: aws.String("me")})
		must(t, 0, err)
		_, err = s.RemoveClientIDFromOpenIDConnectProvider(bg, &iam.RemoveClientIDFromOpenIDConnectProviderInput{OpenIDConnectProviderArn: id, ClientID: aws.String("none")})
		must(t, 0, err)
	}
	_, err = s.UpdateOpenIDConnectProviderThumbprint(bg, &iam.UpdateOpenIDConnectProviderThumbprintInput{OpenIDConnectProviderArn: id, ThumbprintList: []string{strings.Repeat("a", 40)}})
	must(t, 0, err)
	_, err = s.TagOpenIDConnectProvider(bg, &iam.TagOpenIDConnectProviderInput{OpenIDConnectProviderArn: id, Tags: []types.Tag{{Key: aws.String("l")}}})
	must(t, 0, err)
	_, err = s.UntagOpenIDConnectProvider(bg, &iam.UntagOpenIDConnectProviderInput{OpenIDConnectProviderArn: id, TagKeys: []string{"k"}})
	must(t, 0, err)
	tags, err := s.ListOpenIDConnectProviderTags(bg, &iam.ListOpenIDConnectProviderTagsInput{OpenIDConnectProviderArn: id})
	if n := must(t, tags, err).Tags; len(n) != 1 || *n[0].Key != "l" {
		t.Errorf("tags are %v", n)
	}
	got, err := s.GetOpenIDConnectProvider(bg, &iam.GetOpenIDConnectProviderInput{OpenIDConnectProviderArn: id})
	if p := must(t, got, err); *p.Url != "token.actions.githubusercontent.com" || strings.Join(p.ClientIDList, " ") != "sts.amazonaws.com me" || p.ThumbprintList[0][0] != 'a' {
		t.Errorf("got %+v", p)
	}
	list, err := s.ListOpenIDConnectProviders(bg, &iam.ListOpenIDConnectProvidersInput{})
	if n := len(must(t, list, err).OpenIDConnectProviderList); n != 1 {
		t.Errorf("%d are listed", n)
	}
	for range 2 {
		_, err = s.DeleteOpenIDConnectProvider(bg, &iam.DeleteOpenIDConnectProviderInput{OpenIDConnectProviderArn: id})
		must(t, 0, err)
	}
	_, err = s.GetOpenIDConnectProvider(bg, &iam.GetOpenIDConnectProviderInput{OpenIDConnectProviderArn: id})
	wantError(t, err, "NoSuchEntity", "OpenIDConnect Provider not found for arn "+*id)
}

func TestProviderURL(t *testing.T) {
	for url, want := range map[string]string{
		"https://a.example/b/": "a.example/b", "http://127.0.0.1:4566/oidc": "127.0.0.1:4566/oidc", "http://localhost:1": "localhost:1",
		"http://a.example": "", "a.example": "", "https://": "", "https://a.example?x=1": "", "https://u@a.example": "", "https://a b": "",
	} {
		got, err := providerHost(url)
		if got != want || (err != nil) != (want == "") {
			t.Errorf("%s: %q, %v", url, got, err)
		}
	}
	s := newService(t)
	_, err := s.CreateOpenIDConnectProvider(bg, &iam.CreateOpenIDConnectProviderInput{Url: aws.String("https://a.example"), ThumbprintList: []string{"x"}})
	wantError(t, err, "ValidationError", "The thumbprint x is invalid: it must be 40 hexadecimal digits.")
}
