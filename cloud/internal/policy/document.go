package policy

// Document is a policy as it was read.
type Document struct {
	ID         string
	Statements []Statement
	text       string
	variables  bool // Version 2012-10-17
}

// Statement is one rule of a document.
type Statement struct {
	Sid                     string
	Deny                    bool
	Actions, NotActions     []string
	Resources, NotResources []string
	Principal, NotPrincipal *Principal
	Conditions              []Condition
	Start, End              int // bytes of the document's text
}

// Principal is whom a statement of a resource's policy is about.
type Principal struct {
	Any       bool // "*"
	AWS       []string
	Service   []string
	Federated []string
	Canonical []string
}

// Condition is one key's test; all of a statement's must hold.
type Condition struct {
	Operator string
	Key      string
	Values   []string
	test     test
}

// Kind says where a document is used, which decides what it must have.
type Kind int

// The kinds of documents.
const (
	Identity Kind = iota // attached to users, groups and roles; boundaries; session policies
	Trust                // of roles: who may assume them
	Resource             // of other resources
)

// Versions of the language.
const (
	version2008 = "2008-10-17"
	version2012 = "2012-10-17"
)

// Parse reads a document of the kind. The error is an *Error.
func Parse(kind Kind, text string) (*Document, error) {
	root, err := readJSON(text)
	if err != nil {
		return nil, err
	}
	if root.kind != '{' {
		return nil, malformed("Syntax errors in policy.")
	}
	d := &Document{text: text}
	var statements *node
	version := version2008
	for _, f := range root.fields {
		switch f.name {
		case "Version":
			version = f.value.text
		case "Id":
			d.ID = f.value.text
		case "Statement":
			statements = &f.value
		default:
			return nil, malformed("Syntax errors in policy.")
		}
		if f.name != "Statement" && f.value.kind != 's' {
			return nil, malformed("Syntax errors in policy.")
		}
	}
	if version != version2008 && version != version2012 || kind == Identity && version != version2012 {
		return nil, malformed("Policy document must be version 2012-10-17 or greater.")
	}
	d.variables = version == version2012
	if statements == nil {
		return nil, malformed("Missing required field Statement")
	}
	return d, d.read(kind, *statements)
}

func (d *Document) read(kind Kind, n node) error {
	items := n.items
	if n.kind == '{' { // a single statement needs no list
		items = []node{n}
	}
	if len(items) == 0 {
		return malformed("Syntax errors in policy.")
	}
	seen := map[string]bool{}
	for _, it := range items {
		s, err := readStatement(kind, it)
		if err != nil {
			return err
		}
		if s.Sid != "" && seen[s.Sid] {
			return malformed("Statement IDs (SID) in a single policy must be unique.")
		}
		seen[s.Sid] = true
		d.Statements = append(d.Statements, s)
	}
	return nil
}

// Text is the document as it was given to Parse.
func (d *Document) Text() string { return d.text }

// Line returns the one-based line and column of a byte of the document's text.
func (d *Document) Line(at int) (line, column int) {
	line, column = 1, 1
	for _, c := range []byte(d.text[:min(at, len(d.text))]) {
		column++
		if c == '\n' {
			line, column = line+1, 1
		}
	}
	return line, column
}
