package sts

import (
	"log/slog"
	"net/http"

	"github.com/turnoutdev/turnout/cloud/internal/arn"
	"github.com/turnoutdev/turnout/cloud/internal/clock"
)

// Options says what a Service works with.
type Options struct {
	Place     arn.Place
	Clock     *clock.Clock
	Directory Directory
	Keys      Keys

	Log *slog.Logger // default slog.Default()

	// SecondFactors checks MFA codes; nil knows no device.
	SecondFactors SecondFactors
	// HTTP fetches issuers' documents; default a client with a time-out.
	HTTP *http.Client
	// Issuer is trusted without being fetched, when a token names it; nil for none.
	Issuer *Issuer
}

// Service answers the API.
type Service struct {
	Options
}

// New makes the service. It starts nothing.
func New(o Options) *Service {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.HTTP == nil {
		o.HTTP = &http.Client{Timeout: fetchTimeout}
	}
	return &Service{o}
}
