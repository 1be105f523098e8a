package cloud

// ServiceParity is what the cloud answers of one of AWS's services.
type ServiceParity struct {
	ID         string // prefix of its IAM actions
	SDK        string // the SDKs' service id
	Protocols  []string
	Operations []OperationParity
}

// OperationParity is how faithful one operation is.
type OperationParity struct {
	Name    string
	Record  string   // why nothing but a record is kept, "" for operations that do what they say
	Differs []string // known differences from AWS
}

// Parity tells what the cloud answers, from the operations that are registered.
func (c *Cloud) Parity() []ServiceParity {
	p := c.current()
	if p == nil {
		return nil
	}
	var out []ServiceParity
	for _, s := range p.api.Services() {
		v := ServiceParity{ID: s.ID, SDK: s.SDK}
		for _, proto := range s.Protocols {
			v.Protocols = append(v.Protocols, string(proto))
		}
		for _, op := range s.Ops {
			v.Operations = append(v.Operations, OperationParity{op.Name, op.Record, op.Differs})
		}
		for _, name := range s.Handles {
			v.Operations = append(v.Operations, OperationParity{Name: name, Record: s.Records[name]})
		}
		out = append(out, v)
	}
	return out
}
