package sts_test

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base32"
	"encoding/binary"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdkiam "github.com/aws/aws-sdk-go-v2/service/iam"
	sdk "github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/turnoutdev/turnout/cloud/internal/iam"
	"github.com/turnoutdev/turnout/cloud/internal/identity"
	"github.com/turnoutdev/turnout/cloud/internal/store"
	"github.com/turnoutdev/turnout/cloud/internal/sts"
)

// shown is what an authenticator shows at a time.
func shown(t *testing.T, seed []byte, at time.Time) *string {
	t.Helper()
	key, err := base32.StdEncoding.DecodeString(string(seed) + strings.Repeat("=", (8-len(seed)%8)%8))
	h := hmac.New(sha1.New, must(t, key, err))
	must(t, 0, binary.Write(h, binary.BigEndian, at.Unix()/30))
	sum := h.Sum(nil)
	return aws.String(fmt.Sprintf("%06d", binary.BigEndian.Uint32(sum[sum[19]&15:])&0x7fffffff%1000000))
}

// A user gets a device and shows its codes: for a session of its own, and to a role that
// wants to see a second factor.
func TestSecondFactors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st, err := store.Open("")
		dir, err2 := iam.New(iam.Options{Store: must(t, st, err), Place: place})
		must(t, dir, err2)
		c := cloud{sts.New(sts.Options{Place: place, Directory: dir, Keys: dir, SecondFactors: dir}), dir, nil}
		as := c.user(t, "me")
		made, err := dir.CreateVirtualMFADevice(bg, &sdkiam.CreateVirtualMFADeviceInput{VirtualMFADeviceName: aws.String("phone")})
		phone := must(t, made, err).VirtualMFADevice
		next := func() *string { time.Sleep(30 * time.Second); return shown(t, phone.Base32StringSeed, time.Now()) }
		session := func(code *string) error {
			_, err := c.GetSessionToken(as, &sdk.GetSessionTokenInput{SerialNumber: phone.SerialNumber, TokenCode: code})
			return err
		}
		const unknown = "MultiFactorAuthentication failed, unable to validate MFA code.  Please verify your MFA serial number is valid and associated with this user."
		const wrong = "MultiFactorAuthentication failed with invalid MFA one time pass code."
		wantError(t, session(next()), "AccessDenied", unknown)

		one := next()
		enable := &sdkiam.EnableMFADeviceInput{UserName: aws.String("me"), SerialNumber: phone.SerialNumber, AuthenticationCode1: one, AuthenticationCode2: one}
		_, err = dir.EnableMFADevice(bg, enable)
		wantError(t, err, "InvalidAuthenticationCode", "Authentication code for device is not valid.")
		enable.AuthenticationCode2 = next()
		_, err = dir.EnableMFADevice(bg, enable)
		must(t, 0, err)
		wantError(t, session(enable.AuthenticationCode2), "AccessDenied", wrong) // it was used
		wantError(t, session(nil), "AccessDenied", "MultiFactorAuthentication failed, must provide both MFA serial number and one time pass code.")
		code := next()
		out, err := c.GetSessionToken(as, &sdk.GetSessionTokenInput{SerialNumber: phone.SerialNumber, TokenCode: code})
		own := identity.With(bg, c.caller(t, must(t, out, err).Credentials))
		wantError(t, session(code), "AccessDenied", wrong)

		careful := c.role(t, "careful", anyStep, me+`,"Condition":{"Bool":{"aws:MultiFactorAuthPresent":"true"},"NumericLessThan":{"aws:MultiFactorAuthAge":"3600"}}`)
		_, err = c.assume(as, sdk.AssumeRoleInput{RoleArn: &careful})
		wantError(t, err, "AccessDenied", "User: arn:aws:iam::123456789012:user/me is not authorized to perform: sts:AssumeRole on resource: "+careful)
		got, err := c.assume(as, sdk.AssumeRoleInput{RoleArn: &careful, SerialNumber: phone.SerialNumber, TokenCode: next()})
		if k := must(t, got, err).Credentials; !c.caller(t, k).MFA.IsZero() {
			t.Error("the role's session knows of the second factor; AWS's do not")
		}
		_, err = c.assume(own, sdk.AssumeRoleInput{RoleArn: &careful})
		must(t, 0, err)
		time.Sleep(time.Hour)
		if _, err = c.assume(own, sdk.AssumeRoleInput{RoleArn: &careful}); err == nil {
			t.Error("an hour later the second factor still holds")
		}
		must(t, 0, (&iam.Authorizer{IAM: dir}).Authorize(identity.With(bg, identity.Caller{Kind: identity.Root, Own: true, MFA: time.Now()}), "iam", "ListUsers", &sdkiam.ListUsersInput{}))

		list, err := dir.ListMFADevices(bg, &sdkiam.ListMFADevicesInput{UserName: aws.String("me")})
		if n := len(must(t, list, err).MFADevices); n != 1 {
			t.Errorf("%d devices", n)
		}
		_, err = dir.DeleteUser(bg, &sdkiam.DeleteUserInput{UserName: aws.String("me")})
		wantError(t, err, "DeleteConflict", "Cannot delete entity, must deactivate MFA device first.")
		_, err = dir.DeleteVirtualMFADevice(bg, &sdkiam.DeleteVirtualMFADeviceInput{SerialNumber: phone.SerialNumber})
		wantError(t, err, "DeleteConflict", "MFA VirtualDevice in use. Must deactivate first.")
		_, err = dir.DeactivateMFADevice(bg, &sdkiam.DeactivateMFADeviceInput{UserName: aws.String("me"), SerialNumber: phone.SerialNumber})
		must(t, 0, err)
		all, err := dir.ListVirtualMFADevices(bg, &sdkiam.ListVirtualMFADevicesInput{AssignmentStatus: "Unassigned"})
		if n := len(must(t, all, err).VirtualMFADevices); n != 1 {
			t.Errorf("%d devices are nobody's", n)
		}
		_, err = dir.DeleteVirtualMFADevice(bg, &sdkiam.DeleteVirtualMFADeviceInput{SerialNumber: phone.SerialNumber})
		must(t, 0, err)
	})
}
