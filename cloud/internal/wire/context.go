package wire

import "context"

type exchangeKey struct{}

func from(ctx context.Context) *exchange {
	x, _ := ctx.Value(exchangeKey{}).(*exchange)
	return x
}

// Called returns which operation of which service ctx belongs to: "ecs", "CreateService".
// Both are empty for a context that no server made; op is for services with a Handler.
func Called(ctx context.Context) (service, op string) {
	if x := from(ctx); x != nil {
		return x.names()
	}
	return "", ""
}

// RequestID returns the id that the response of this call carries, "" outside of calls.
func RequestID(ctx context.Context) string {
	if x := from(ctx); x != nil {
		return x.id
	}
	return ""
}

// Present reports whether the request had the member at path, with a value other than
// null. The SDK's types hold many numbers and booleans by value, so that an omitted one
// looks like zero; this tells them apart. Path is made of the names on the wire, with
// dots between and zero-based indices: "deploymentConfiguration.maximumPercent",
// "Actions[0].Order". Outside of a server's call nothing is present.
//
// It searches the request, which is kept for the purpose: ask where it matters.
func Present(ctx context.Context, path string) bool {
	x := from(ctx)
	return x != nil && x.codec != nil && x.codec.present(x, path)
}
