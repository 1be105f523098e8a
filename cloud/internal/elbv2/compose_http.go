package elbv2

import (
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"github.com/turnoutdev/turnout/cloud/internal/balancer"
)

// responseHeaders are the headers that listener attributes set.
var responseHeaders = []string{
	"Strict-Transport-Security", "Access-Control-Allow-Origin", "Access-Control-Allow-Methods", "Access-Control-Allow-Headers",
	"Access-Control-Allow-Credentials", "Access-Control-Expose-Headers", "Access-Control-Max-Age",
	"Content-Security-Policy", "X-Content-Type-Options", "X-Frame-Options",
}

// requestHeaders are the headers that listener attributes rename.
var requestHeaders = []string{
	"X-Amzn-TLS-Version", "X-Amzn-TLS-Cipher-Suite",
	"X-Amzn-Mtls-Clientcert", "X-Amzn-Mtls-Clientcert-Serial-Number", "X-Amzn-Mtls-Clientcert-Issuer",
	"X-Amzn-Mtls-Clientcert-Subject", "X-Amzn-Mtls-Clientcert-Validity", "X-Amzn-Mtls-Clientcert-Leaf",
}

// attributeName is how attributes name a header.
func attributeName(header string) string {
	return strings.ReplaceAll(strings.ToLower(header), "-", "_")
}

// composeHTTP is what an application load balancer's attributes and its listener's say of
// messages, nil for a network load balancer.
func composeHTTP(lb loadBalancer, l listener) *balancer.HTTP {
	if lb.Desc.Type != types.LoadBalancerTypeEnumApplication {
		return nil
	}
	a, own := attributesOf(lb), attributesOf(l)
	on := func(key string) bool { return a.get(key) == "true" }
	h := &balancer.HTTP{
		PreserveHost:      on("routing.http.preserve_host_header.enabled"),
		DropInvalidFields: on("routing.http.drop_invalid_header_fields.enabled"),
		TellTLS:           on("routing.http.x_amzn_tls_version_and_cipher_suite.enabled"),
		ClientPort:        on("routing.http.xff_client_port.enabled"),
		NoHTTP2:           !on("routing.http2.enabled"),
		Desync:            a.get("routing.http.desync_mitigation_mode"),
		KeepAlive:         seconds(a.get("client_keep_alive.seconds")),
		HideServer:        own.get("routing.http.response.server.enabled") == "false",
	}
	h.Mutual = mutualMode(l.Desc)
	if mode := a.get("routing.http.xff_header_processing.mode"); mode != "append" {
		h.ForwardedFor = mode
	}
	for _, name := range responseHeaders {
		if v := own.get("routing.http.response." + attributeName(name) + ".header_value"); v != "" {
			h.Response = append(h.Response, balancer.Header{Name: name, Value: v})
		}
	}
	for _, name := range requestHeaders {
		if v := own.get("routing.http.request." + attributeName(name) + ".header_name"); v != "" {
			if h.Names == nil {
				h.Names = map[string]string{}
			}
			h.Names[name] = v
		}
	}
	return h
}
