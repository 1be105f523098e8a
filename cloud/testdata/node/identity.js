// The way of configure-aws-credentials: the toolkit asks the runner's endpoint for an
// identity token, and STS takes it for a role's credentials.
'use strict';
const { assert } = require('./facts.js');
const { STS } = require('@aws-sdk/client-sts');

(async () => {
  const core = await import('@actions/core');
  const WebIdentityToken = await core.getIDToken('sts.amazonaws.com');
  const claims = JSON.parse(Buffer.from(WebIdentityToken.split('.')[1], 'base64url'));
  assert.strictEqual(claims.iss, 'https://token.actions.githubusercontent.com');
  const out = await new STS({}).assumeRoleWithWebIdentity({ RoleArn: process.env.ROLE, RoleSessionName: 'GitHubActions', DurationSeconds: 3600, WebIdentityToken });
  const c = out.Credentials;
  assert.ok(c.Expiration > new Date(Date.now() + 3000000));
  const credentials = { accessKeyId: c.AccessKeyId, secretAccessKey: c.SecretAccessKey, sessionToken: c.SessionToken };
  const identity = await new STS({ credentials }).getCallerIdentity({});
  assert.strictEqual(identity.Arn, 'arn:aws:sts::123456789012:assumed-role/github/GitHubActions');
  await assert.rejects(new STS({}).assumeRoleWithWebIdentity({ RoleArn: process.env.ROLE, RoleSessionName: 'other', WebIdentityToken: await core.getIDToken('someone.else') }), { name: 'InvalidIdentityTokenException' });
  console.log('identity');
})();
