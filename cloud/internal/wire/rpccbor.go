package wire

import "github.com/turnoutdev/turnout/cloud/internal/wire/codec"

// rpcCBOR is Smithy's rpc-v2-cbor. Clients that knew the service's awsQuery form ask for
// its error codes by X-Amzn-Query-Mode.
type rpcCBOR struct{}

func (rpcCBOR) family() Protocol    { return JSON11 }
func (rpcCBOR) contentType() string { return "application/cbor" }

func (rpcCBOR) decode(x *exchange, in any) ([]string, error) {
	return x.service.Names.DecodeCBOR(x.body, in)
}

func (rpcCBOR) encode(x *exchange, b []byte, out any) ([]byte, error) {
	x.w.Header()["Smithy-Protocol"] = []string{"rpc-v2-cbor"}
	if x.void() {
		return b, nil
	}
	return x.service.Names.AppendCBOR(b, out)
}

func (rpcCBOR) fail(x *exchange, b []byte, f *fault) []byte {
	h := x.w.Header()
	h["Smithy-Protocol"] = []string{"rpc-v2-cbor"}
	x.queryError(f)
	names := &codec.Names{}
	if x.service != nil {
		names = x.service.Names
	}
	return names.AppendCBORError(b, f.code, f.message, x.service.messageNames(f), f.detail, isMessage)
}

func (rpcCBOR) present(x *exchange, path string) bool { return codec.CBORHas(x.body, path) }
