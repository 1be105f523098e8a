package sigv4_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/turnoutdev/turnout/cloud/internal/wire/sigv4"
)

// The published example of AWS's Signature Version 4 test suite, "get-vanilla", and others of its kind.
const (
	suiteSecret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
	suiteAuth   = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders=host;x-amz-date, Signature="
)

func TestPublishedVectors(t *testing.T) {
	for _, tc := range []struct{ name, method, target, signature string }{
		{"get-vanilla", "GET", "/", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
		{"post-vanilla", "POST", "/", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"},
		{"get-vanilla-query-order-key-case", "GET", "/?Param2=value2&Param1=value1", "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"},
	} {
		r := httptest.NewRequest(tc.method, tc.target, nil)
		r.Host = "example.amazonaws.com"
		r.Header.Set("X-Amz-Date", "20150830T123600Z")
		r.Header.Set("Authorization", suiteAuth+tc.signature)
		s, err := sigv4.Parse(r)
		if err != nil {
			t.Fatalf("%s: %v", tc.name, err)
		}
		text := s.StringToSign(s.Canonical(r, sigv4.Hash(nil), false))
		if !s.Matches(s.Key(suiteSecret), text) {
			t.Errorf("%s: does not match\n%s", tc.name, s.Canonical(r, sigv4.Hash(nil), false))
		}
		if s.Matches(s.Key("other"), text) {
			t.Errorf("%s: matches with another secret", tc.name)
		}
	}
}

const s3Secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"

// s3Chain is S3's published example of an upload in signed chunks: 66560 times "a".
func s3Chain(t *testing.T, hash, headers, seed string, extra ...string) *sigv4.Chunks {
	t.Helper()
	r := httptest.NewRequest(http.MethodPut, "/examplebucket/chunkObject.txt", nil)
	r.Host = "s3.amazonaws.com"
	r.ContentLength = 66824
	for i := 0; i < len(extra); i += 2 {
		r.Header.Set(extra[i], extra[i+1])
	}
	r.Header.Set("X-Amz-Date", "20130524T000000Z")
	r.Header.Set("X-Amz-Content-Sha256", hash)
	r.Header.Set("X-Amz-Decoded-Content-Length", "66560")
	r.Header.Set("X-Amz-Storage-Class", "REDUCED_REDUNDANCY")
	r.Header.Set("Content-Encoding", "aws-chunked")
	r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,"+
		"SignedHeaders="+headers+",Signature="+seed)
	s, err := sigv4.Parse(r)
	if err != nil {
		t.Fatal(err)
	}
	key := s.Key(s3Secret)
	if !s.Matches(key, s.StringToSign(s.Canonical(r, hash, true))) {
		t.Fatalf("seed does not match:\n%s", s.Canonical(r, hash, true))
	}
	return s.Chunks(key)
}

func TestPublishedChunks(t *testing.T) {
	c := s3Chain(t, sigv4.StreamingSigned,
		"content-encoding;content-length;host;x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length;x-amz-storage-class",
		"4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9")
	for _, chunk := range []struct {
		size      int
		signature string
	}{
		{65536, "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648"},
		{1024, "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497"},
		{0, "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9"},
	} {
		sum := sha256.Sum256(bytes.Repeat([]byte("a"), chunk.size))
		if !c.Chunk(sum[:], chunk.signature) {
			t.Errorf("chunk of %d bytes does not match", chunk.size)
		}
	}
}

func TestPublishedTrailer(t *testing.T) {
	c := s3Chain(t, sigv4.StreamingSignedTrailer,
		"content-encoding;host;x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length;x-amz-storage-class;x-amz-trailer",
		"106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e", "X-Amz-Trailer", "x-amz-checksum-crc32c")
	for _, chunk := range []struct {
		size      int
		signature string
	}{
		{65536, "b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2"},
		{1024, "1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7"},
		{0, "2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992"},
	} {
		sum := sha256.Sum256(bytes.Repeat([]byte("a"), chunk.size))
		if !c.Chunk(sum[:], chunk.signature) {
			t.Errorf("chunk of %d bytes does not match", chunk.size)
		}
	}
	if !c.Trailer("x-amz-checksum-crc32c:sOO8/Q==\n", "d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435") {
		t.Error("trailer does not match")
	}
}

func TestMalformedSignatures(t *testing.T) {
	for _, tc := range []struct{ auth, date, want string }{
		{"AWS4-HMAC-SHA256 Credential=a/b/c/d/aws4_request", "20150830T123600Z", "requires 'Signature' parameter. Authorization header requires 'SignedHeaders'"},
		{suiteAuth + "00", "", "requires existence of either a 'X-Amz-Date' or a 'Date' header"},
		{suiteAuth + "00", "yesterday", "Date must be in ISO-8601 'basic format'"},
		{"AWS4-HMAC-SHA256 nonsense", "20150830T123600Z", "'nonsense' not a valid key=value pair"},
		{"AWS4-HMAC-SHA256 Credential=a/b, SignedHeaders=host, Signature=00", "20150830T123600Z", "exactly 5 slash-delimited elements"},
		{strings.Replace(suiteAuth, "host;", "", 1) + "00", "20150830T123600Z", "'Host' or ':authority' must be a 'SignedHeader'"},
		{"AWS4-ECDSA-P256-SHA256 Credential=x", "20150830T123600Z", "Unsupported AWS 'algorithm'"},
	} {
		r := httptest.NewRequest(http.MethodPost, "/", nil)
		r.Header.Set("Authorization", tc.auth)
		if tc.date != "" {
			r.Header.Set("X-Amz-Date", tc.date)
		}
		_, err := sigv4.Parse(r)
		var m *sigv4.Malformed
		if !errors.As(err, &m) || !strings.Contains(m.Message, tc.want) {
			t.Errorf("%s: got %v, want …%s…", tc.auth, err, tc.want)
		}
	}
	r := httptest.NewRequest(http.MethodPost, "/", nil)
	r.Header.Set("Authorization", "Basic QVdTOmE=")
	if _, err := sigv4.Parse(r); !errors.Is(err, sigv4.ErrUnsigned) {
		t.Errorf("basic authentication: %v", err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(suiteAuth+"00", "20150830T123600Z", "X-Amz-Credential=a/b/c/d/e")
	f.Add("AWS4-HMAC-SHA256 Credential=", "", "X-Amz-Signature=&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Date=x")
	f.Fuzz(func(t *testing.T, auth, date, query string) {
		for _, a := range []string{auth, ""} {
			r := httptest.NewRequest(http.MethodGet, "/", nil)
			r.URL.RawQuery = query
			r.Header["Authorization"] = []string{a}
			r.Header["X-Amz-Date"] = []string{date}
			s, err := sigv4.Parse(r)
			if err != nil {
				continue
			}
			text := s.StringToSign(s.Canonical(r, sigv4.Hash(nil), false))
			if s.Matches(s.Key("secret"), text) {
				t.Errorf("a random signature matches: %q", a)
			}
		}
	})
}
