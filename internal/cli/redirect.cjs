// Loaded by `node --require`, this sends TLS connections to AWS's host names to the local
// cloud that TURNOUT_TLS names, for SDKs that have no setting for an endpoint. Nothing
// else of the process is touched. `turnout env --node` prints how to load it.
'use strict';
const tls = require('tls');

const aws = /(^|\.)(amazonaws\.com|amazonaws\.com\.cn|api\.aws)$/;
const [host, port] = (process.env.TURNOUT_TLS || '').replace(/^https:\/\//, '').split(':');
const connect = tls.connect;

tls.connect = function (...args) {
  const options = args.find((a) => a !== null && typeof a === 'object');
  const name = options && (options.servername || options.host);
  if (!port || !name || !aws.test(name)) {
    return connect.apply(this, args);
  }
  const callback = args.find((a) => typeof a === 'function');
  return connect.call(this, { ...options, servername: name, host, port: Number(port), path: null, socket: undefined, lookup: undefined }, callback);
};
