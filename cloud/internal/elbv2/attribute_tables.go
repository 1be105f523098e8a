package elbv2

import (
	"strings"

	"github.com/turnoutdev/turnout/internal/regex"
)

const (
	week       = 7 * 24 * 60 * 60
	maxTargets = 1000
)

// applicationAttributes are an application load balancer's.
var applicationAttributes = []attribute{
	{"access_logs.s3.enabled", "false", boolean},
	{"access_logs.s3.bucket", "", anything},
	{"access_logs.s3.prefix", "", anything},
	{"connection_logs.s3.enabled", "false", boolean},
	{"connection_logs.s3.bucket", "", anything},
	{"connection_logs.s3.prefix", "", anything},
	{"health_check_logs.s3.enabled", "false", boolean},
	{"health_check_logs.s3.bucket", "", anything},
	{"health_check_logs.s3.prefix", "", anything},
	{"idle_timeout.timeout_seconds", "60", between(1, 4000)},
	{"client_keep_alive.seconds", "3600", between(60, week)},
	{"deletion_protection.enabled", "false", boolean},
	{"ipv6.deny_all_igw_traffic", "false", boolean},
	{"load_balancing.cross_zone.enabled", "true", oneOf("true")},
	{"routing.http.desync_mitigation_mode", "defensive", oneOf("monitor", "defensive", "strictest")},
	{"routing.http.drop_invalid_header_fields.enabled", "false", boolean},
	{"routing.http.preserve_host_header.enabled", "false", boolean},
	{"routing.http.x_amzn_tls_version_and_cipher_suite.enabled", "false", boolean},
	{"routing.http.xff_client_port.enabled", "false", boolean},
	{"routing.http.xff_header_processing.mode", "append", oneOf("append", "preserve", "remove")},
	{"routing.http2.enabled", "true", boolean},
	{"waf.fail_open.enabled", "false", boolean},
	{"zonal_shift.config.enabled", "false", boolean},
}

// networkAttributes are a network load balancer's.
var networkAttributes = []attribute{
	{"access_logs.s3.enabled", "false", boolean},
	{"access_logs.s3.bucket", "", anything},
	{"access_logs.s3.prefix", "", anything},
	{"deletion_protection.enabled", "false", boolean},
	{"dns_record.client_routing_policy", "any_availability_zone", oneOf(
		"availability_zone_affinity", "partial_availability_zone_affinity", "any_availability_zone")},
	{"ipv6.deny_all_igw_traffic", "false", boolean},
	{"load_balancing.cross_zone.enabled", "false", boolean},
	{"secondary_ips.auto_assigned.per_subnet", "0", between(0, 7)},
	{"zonal_shift.config.enabled", "false", boolean},
}

// commonGroupAttributes are those of every target group.
var commonGroupAttributes = []attribute{
	{"target_group_health.unhealthy_state_routing.minimum_healthy_targets.count", "1", between(1, maxTargets)},
	{"target_group_health.unhealthy_state_routing.minimum_healthy_targets.percentage", "off", or("off", between(1, 100))},
	{"target_group_health.dns_failover.minimum_healthy_targets.count", "1", or("off", between(1, maxTargets))},
	{"target_group_health.dns_failover.minimum_healthy_targets.percentage", "off", or("off", between(1, 100))},
	{"deregistration_delay.timeout_seconds", "300", between(0, 3600)},
	{"stickiness.enabled", "false", boolean},
	{"load_balancing.cross_zone.enabled", "use_load_balancer_configuration",
		oneOf("true", "false", "use_load_balancer_configuration")},
}

// httpGroupAttributes are those of target groups behind application load balancers.
var httpGroupAttributes = append(commonGroupAttributes[:len(commonGroupAttributes):len(commonGroupAttributes)],
	attribute{"stickiness.type", "lb_cookie", oneOf("lb_cookie", "app_cookie")},
	attribute{"stickiness.lb_cookie.duration_seconds", "86400", between(1, week)},
	attribute{"stickiness.app_cookie.cookie_name", "", appCookie},
	attribute{"stickiness.app_cookie.duration_seconds", "86400", between(1, week)},
	attribute{"slow_start.duration_seconds", "0", or("0", between(30, 900))},
	attribute{"load_balancing.algorithm.type", "round_robin",
		oneOf("round_robin", "least_outstanding_requests", "weighted_random")},
	attribute{"load_balancing.algorithm.anomaly_mitigation", "off", oneOf("on", "off")},
)

// functionGroupAttributes are those of groups of functions.
var functionGroupAttributes = []attribute{{"lambda.multi_value_headers.enabled", "false", boolean}}

// tcpGroupAttributes are those of target groups behind network load balancers.
var tcpGroupAttributes = append(commonGroupAttributes[:len(commonGroupAttributes):len(commonGroupAttributes)],
	attribute{"stickiness.type", "source_ip", oneOf("source_ip")},
	attribute{"deregistration_delay.connection_termination.enabled", "false", boolean},
	attribute{"preserve_client_ip.enabled", "false", boolean},
	attribute{"proxy_protocol_v2.enabled", "false", boolean},
	attribute{"target_health_state.unhealthy.connection_termination.enabled", "true", boolean},
	attribute{"target_health_state.unhealthy.draining_interval_seconds", "0", between(0, 360000)},
)

// appCookie refuses the names that the load balancer has for itself.
func appCookie(key, value string) error {
	for _, reserved := range []string{"AWSALB", "AWSALBAPP", "AWSALBTG"} {
		if strings.HasPrefix(value, reserved) {
			return validation("'%s' value '%s' cannot begin with the reserved prefix '%s'", key, value, reserved)
		}
	}
	return nil
}

// httpListenerAttributes rename headers of requests and set those of responses.
var httpListenerAttributes = []attribute{
	{"routing.http.response.server.enabled", "true", boolean},
	{"routing.http.response.strict_transport_security.header_value", "", headerValue},
	{"routing.http.response.access_control_allow_origin.header_value", "", headerValue},
	{"routing.http.response.access_control_allow_methods.header_value", "", headerValue},
	{"routing.http.response.access_control_allow_headers.header_value", "", headerValue},
	{"routing.http.response.access_control_allow_credentials.header_value", "", headerValue},
	{"routing.http.response.access_control_expose_headers.header_value", "", headerValue},
	{"routing.http.response.access_control_max_age.header_value", "", headerValue},
	{"routing.http.response.content_security_policy.header_value", "", headerValue},
	{"routing.http.response.x_content_type_options.header_value", "", headerValue},
	{"routing.http.response.x_frame_options.header_value", "", headerValue},
	{"routing.http.request.x_amzn_tls_version.header_name", "", headerName},
	{"routing.http.request.x_amzn_tls_cipher_suite.header_name", "", headerName},
	{"routing.http.request.x_amzn_mtls_clientcert.header_name", "", headerName},
	{"routing.http.request.x_amzn_mtls_clientcert_serial_number.header_name", "", headerName},
	{"routing.http.request.x_amzn_mtls_clientcert_issuer.header_name", "", headerName},
	{"routing.http.request.x_amzn_mtls_clientcert_subject.header_name", "", headerName},
	{"routing.http.request.x_amzn_mtls_clientcert_validity.header_name", "", headerName},
	{"routing.http.request.x_amzn_mtls_clientcert_leaf.header_name", "", headerName},
}

// headerValue knows what a header's value may be made of; "" unsets it.
func headerValue(key, value string) error {
	if len(value) > maxHeaderValue {
		return validation("'%s' value cannot be longer than '%d' characters", key, maxHeaderValue)
	}
	if !headerValueChars.MatchString(value) {
		return validation("'%s' value '%s' contains characters that are not valid", key, value)
	}
	return nil
}

// headerName knows what a header may be called; "" means its own name.
func headerName(key, value string) error {
	if len(value) > maxHeaderName || !headerNameChars.MatchString(value) {
		return validation("'%s' value '%s' must be at most '%d' letters, digits, hyphens and underscores", key, value, maxHeaderName)
	}
	return nil
}

const maxHeaderValue = 1024

var (
	headerValueChars = regex.New("^[a-zA-Z0-9_ :;.,\\\\/'?!(){}\\[\\]@<>=\\-+*#$&`|~^%\"]*$")
	headerNameChars  = regex.New(`^[a-zA-Z0-9_-]*$`)
)

var tcpListenerAttributes = []attribute{{"tcp.idle_timeout.seconds", "350", between(60, 6000)}}
