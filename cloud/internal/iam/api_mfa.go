package iam

import (
	"context"
	"encoding/base32"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/turnoutdev/turnout/cloud/internal/arn"
	"github.com/turnoutdev/turnout/cloud/internal/identity"
	"github.com/turnoutdev/turnout/cloud/internal/ids"
	"github.com/turnoutdev/turnout/cloud/internal/store"
)

// device is a virtual MFA device, kept under its serial number, which is an ARN.
type device struct {
	Seed    string // base32
	Owner   string // user's name; "" of the root user
	Enabled time.Time
	Last    int64 // number of the newest code that was used
	Tags    []types.Tag
}

const seedBytes = 40

var base32Seed = base32.StdEncoding.WithPadding(base32.NoPadding)

func (s *Service) device(tx *store.Tx, serial *string) (device, error) {
	d, ok := s.tables.devices.Get(tx, aws.ToString(serial))
	if !ok {
		return d, noSuch("VirtualMFADevice with serial number %s does not exist.", aws.ToString(serial))
	}
	return d, nil
}

// CreateVirtualMFADevice makes a device that nobody has yet. Only this answer has the seed
// that its codes are made from.
func (s *Service) CreateVirtualMFADevice(_ context.Context, in *iam.CreateVirtualMFADeviceInput, _ ...func(*iam.Options)) (*iam.CreateVirtualMFADeviceOutput, error) {
	name := aws.ToString(in.VirtualMFADeviceName)
	if err := checkName("virtualMFADeviceName", name, 226); err != nil {
		return nil, err
	}
	path, err := pathOf(in.Path)
	if err != nil {
		return nil, err
	}
	tags, err := mergeTags(nil, in.Tags)
	if err != nil {
		return nil, err
	}
	serial := s.arn("mfa", path, name)
	d := device{Seed: base32Seed.EncodeToString([]byte(ids.Secret(seedBytes))), Tags: tags}
	err = s.Store.Update(func(tx *store.Tx) error {
		if _, taken := s.tables.devices.Get(tx, *serial); taken {
			return exists("MFADevice entity at the same path and name already exists.")
		}
		s.tables.devices.Put(tx, *serial, d)
		return nil
	})
	return answer(&iam.CreateVirtualMFADeviceOutput{VirtualMFADevice: &types.VirtualMFADevice{SerialNumber: serial, Base32StringSeed: []byte(d.Seed), Tags: tags}}, err)
}

// EnableMFADevice gives a device to a user, or to the caller, who shows two of its codes in
// a row.
func (s *Service) EnableMFADevice(ctx context.Context, in *iam.EnableMFADeviceInput, _ ...func(*iam.Options)) (*iam.EnableMFADeviceOutput, error) {
	err := s.Store.Update(func(tx *store.Tx) error {
		owner, err := s.keyOwner(ctx, tx, in.UserName)
		if err != nil {
			return err
		}
		d, err := s.device(tx, in.SerialNumber)
		switch {
		case err != nil:
			return err
		case !d.Enabled.IsZero():
			return exists("MFA Device is already in use.")
		}
		if err := d.show(s.Clock.Now(), aws.ToString(in.AuthenticationCode1), aws.ToString(in.AuthenticationCode2)); err != nil {
			return err
		}
		d.Owner, d.Enabled = owner, *s.now()
		s.tables.devices.Put(tx, *in.SerialNumber, d)
		return nil
	})
	return answer(&iam.EnableMFADeviceOutput{}, err)
}

// ResyncMFADevice takes two codes in a row, as EnableMFADevice does. The cloud's devices
// keep its own time, so nothing else changes.
func (s *Service) ResyncMFADevice(ctx context.Context, in *iam.ResyncMFADeviceInput, _ ...func(*iam.Options)) (*iam.ResyncMFADeviceOutput, error) {
	err := s.Store.Update(func(tx *store.Tx) error {
		d, err := s.owned(ctx, tx, in.UserName, in.SerialNumber)
		if err == nil {
			err = d.show(s.Clock.Now(), aws.ToString(in.AuthenticationCode1), aws.ToString(in.AuthenticationCode2))
		}
		if err == nil {
			s.tables.devices.Put(tx, *in.SerialNumber, d)
		}
		return err
	})
	return answer(&iam.ResyncMFADeviceOutput{}, err)
}

// DeactivateMFADevice takes a device from its user. It can be given to another.
func (s *Service) DeactivateMFADevice(ctx context.Context, in *iam.DeactivateMFADeviceInput, _ ...func(*iam.Options)) (*iam.DeactivateMFADeviceOutput, error) {
	err := s.Store.Update(func(tx *store.Tx) error {
		d, err := s.owned(ctx, tx, in.UserName, in.SerialNumber)
		if err == nil {
			d.Owner, d.Enabled = "", time.Time{}
			s.tables.devices.Put(tx, *in.SerialNumber, d)
		}
		return err
	})
	return answer(&iam.DeactivateMFADeviceOutput{}, err)
}

// owned is an enabled device of a user.
func (s *Service) owned(ctx context.Context, tx *store.Tx, user, serial *string) (device, error) {
	owner, err := s.keyOwner(ctx, tx, user)
	if err != nil {
		return device{}, err
	}
	d, ok := s.tables.devices.Get(tx, aws.ToString(serial))
	if !ok || d.Enabled.IsZero() || d.Owner != owner {
		return d, noSuch("MFA Device invalid for user.")
	}
	return d, nil
}

// DeleteVirtualMFADevice removes a device that nobody has.
func (s *Service) DeleteVirtualMFADevice(_ context.Context, in *iam.DeleteVirtualMFADeviceInput, _ ...func(*iam.Options)) (*iam.DeleteVirtualMFADeviceOutput, error) {
	err := s.Store.Update(func(tx *store.Tx) error {
		d, err := s.device(tx, in.SerialNumber)
		switch {
		case err != nil:
			return err
		case !d.Enabled.IsZero():
			return conflict("MFA VirtualDevice in use. Must deactivate first.")
		}
		s.tables.devices.Delete(tx, *in.SerialNumber)
		return nil
	})
	return answer(&iam.DeleteVirtualMFADeviceOutput{}, err)
}

// ListMFADevices returns a user's devices, or the caller's.
func (s *Service) ListMFADevices(ctx context.Context, in *iam.ListMFADevicesInput, _ ...func(*iam.Options)) (*iam.ListMFADevicesOutput, error) {
	var all []types.MFADevice
	var err error
	s.Store.View(func(tx *store.Tx) {
		var owner string
		if owner, err = s.keyOwner(ctx, tx, in.UserName); err != nil {
			return
		}
		for serial, d := range s.tables.devices.All(tx, "") {
			if !d.Enabled.IsZero() && d.Owner == owner {
				all = append(all, types.MFADevice{SerialNumber: aws.String(serial), EnableDate: aws.Time(d.Enabled), UserName: aws.String(owner)})
			}
		}
	})
	if err != nil {
		return nil, err
	}
	part, next, err := cut(all, func(d types.MFADevice) string { return *d.SerialNumber }, in.Marker, in.MaxItems)
	return answer(&iam.ListMFADevicesOutput{MFADevices: part, Marker: next, IsTruncated: next != nil}, err)
}

// ListVirtualMFADevices returns all devices, those that somebody has, or the others.
func (s *Service) ListVirtualMFADevices(_ context.Context, in *iam.ListVirtualMFADevicesInput, _ ...func(*iam.Options)) (*iam.ListVirtualMFADevicesOutput, error) {
	var all []types.VirtualMFADevice
	s.Store.View(func(tx *store.Tx) {
		for serial, d := range s.tables.devices.All(tx, "") {
			on := !d.Enabled.IsZero()
			if in.AssignmentStatus == types.AssignmentStatusTypeAssigned && !on || in.AssignmentStatus == types.AssignmentStatusTypeUnassigned && on {
				continue
			}
			v := types.VirtualMFADevice{SerialNumber: aws.String(serial)}
			if on {
				v.EnableDate = aws.Time(d.Enabled)
				if u, ok := s.tables.users.Get(tx, d.Owner); ok {
					u.Desc.Tags = nil
					v.User = &u.Desc
				}
			}
			all = append(all, v)
		}
	})
	part, next, err := cut(all, func(d types.VirtualMFADevice) string { return *d.SerialNumber }, in.Marker, in.MaxItems)
	return answer(&iam.ListVirtualMFADevicesOutput{VirtualMFADevices: part, Marker: next, IsTruncated: next != nil}, err)
}

// CheckMFA reports whether code is the one that the caller's device shows now. A code holds
// once; a device that is not the caller's is an error.
func (s *Service) CheckMFA(_ context.Context, caller identity.Caller, serial, code string) (ok bool, err error) {
	owner := ""
	if caller.Kind == identity.User {
		owner = arn.Name(caller.ARN)
	}
	err = s.Store.Update(func(tx *store.Tx) error {
		d, there := s.tables.devices.Get(tx, serial)
		if !there || d.Enabled.IsZero() || d.Owner != owner || caller.Kind == identity.Role {
			return noSuch("MFA Device invalid for user.")
		}
		if ok = d.use(s.Clock.Now(), code); ok {
			s.tables.devices.Put(tx, serial, d)
		}
		return nil
	})
	return ok, err
}
