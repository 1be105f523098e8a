package cloud_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/turnoutdev/turnout/cloud"
)

// pythonPlugin is the session manager plugin as the aws command runs it, in miniature: it
// opens the channel that ExecuteCommand answered with, shakes hands, types what TYPED
// says, a line at a time, and prints what comes.
const pythonPlugin = `#!/usr/bin/env python3
import base64, hashlib, json, os, socket, struct, sys, urllib.parse, uuid
if sys.argv[1:] in ([], ['--version']):
    print('1.2.707.0'); sys.exit()
session = json.loads(os.environ.get(sys.argv[1], sys.argv[1])) # newer commands hide the token
session = {k.lower(): v for k, v in session.items()}
url = urllib.parse.urlsplit(session['streamurl'])
s = socket.create_connection((url.hostname, url.port), timeout=30)
s.sendall(('GET %s?%s HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nOrigin: http://x\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %s\r\n\r\n'
           % (url.path, url.query, url.netloc, base64.b64encode(os.urandom(16)).decode())).encode())
f = s.makefile('rb')
assert b' 101 ' in f.readline()
while f.readline().strip(): pass
def frame(op, data):
    size = bytes([0x80 | len(data)]) if len(data) < 126 else b'\xfe' + struct.pack('>H', len(data))
    s.sendall(bytes([0x80 | op]) + size + b'\0\0\0\0' + data)
def receive():
    while True:
        head = f.read(2)
        if len(head) < 2: return None
        n = head[1] & 127
        if n == 126: n = struct.unpack('>H', f.read(2))[0]
        data = f.read(n)
        if head[0] & 15 in (1, 2): return data
        if head[0] & 15 == 8: return None
def message(kind, payload_type, body, seq=0, flags=0):
    u = uuid.uuid4().bytes
    frame(2, struct.pack('>I', 116) + kind.encode().ljust(32) + struct.pack('>IQqQ', 1, 1700000000000, seq, flags)
          + u[8:] + u[:8] + hashlib.sha256(body).digest() + struct.pack('>II', payload_type, len(body)) + body)
frame(1, json.dumps({'MessageSchemaVersion': '1.0', 'RequestId': str(uuid.uuid4()), 'TokenValue': session['tokenvalue'], 'ClientId': str(uuid.uuid4()), 'ClientVersion': '1.2.707.0'}).encode())
typed, sent, expected = os.environ.get('TYPED', '').split('|'), 0, 0
def type_in(payload_type, body):
    global sent
    message('input_stream_data', payload_type, body, sent)
    sent += 1
while True:
    raw = receive()
    if raw is None: sys.exit('the channel broke')
    kind, (seq,) = raw[4:36].decode().strip(), struct.unpack('>q', raw[48:56])
    payload_type, body = struct.unpack('>I', raw[112:116])[0], raw[120:]
    assert not body or hashlib.sha256(body).digest() == raw[80:112]
    if kind == 'channel_closed':
        print('closed', json.loads(body)['Output']); sys.exit()
    if kind != 'output_stream_data': continue
    message('acknowledge', 0, json.dumps({'AcknowledgedMessageType': kind, 'AcknowledgedMessageId': str(uuid.UUID(bytes=raw[72:80] + raw[64:72])),
                                          'AcknowledgedMessageSequenceNumber': seq, 'IsSequentialMessage': True}).encode(), flags=3)
    if seq != expected: continue
    expected += 1
    if payload_type == 5:
        actions = [{'ActionType': a['ActionType'], 'ActionStatus': 1, 'ActionResult': None, 'Error': ''} for a in json.loads(body)['RequestedClientActions']]
        type_in(6, json.dumps({'ClientVersion': '1.2.707.0', 'ProcessedClientActions': actions, 'Errors': None}).encode())
    elif payload_type == 7:
        type_in(3, b'{"cols":132,"rows":43}')
        for line in typed:
            if line: type_in(1, line.encode() + b'\r')
    elif payload_type == 1:
        sys.stdout.write(body.decode()); sys.stdout.flush()
`

// botocoreExecutes runs a task with commands enabled and one without, and is refused what
// AWS refuses.
const botocoreExecutes = `
import boto3, json
ecs, iam = boto3.client('ecs'), boto3.client('iam')
for n, on in [('on', True), ('off', False)]:
    ecs.register_task_definition(family=n, networkMode='awsvpc', cpu='256', memory='512', requiresCompatibilities=['FARGATE'], executionRoleArn='ROLE', taskRoleArn='ROLE',
        containerDefinitions=[{'name': 'web', 'image': 'IMAGE'}])
ecs.register_task_definition(family='bare', networkMode='awsvpc', cpu='256', memory='512', requiresCompatibilities=['FARGATE'], executionRoleArn='ROLE',
    containerDefinitions=[{'name': 'web', 'image': 'IMAGE'}])
def run(n, on):
    return ecs.run_task(taskDefinition=n, launchType='FARGATE', enableExecuteCommand=on,
                        networkConfiguration={'awsvpcConfiguration': {'subnets': ['subnet-0123456789abcdef0']}})['tasks'][0]['taskArn']
on, off, bare = run('on', True), run('off', False), run('bare', True)
ecs.get_waiter('tasks_running').wait(tasks=[on, off, bare], WaiterConfig={'Delay': 1})
agents = [c.get('managedAgents') for t in ecs.describe_tasks(tasks=[on, off])['tasks'] for c in t['containers']]
assert agents[0][0]['name'] == 'ExecuteCommandAgent' and agents[0][0]['lastStatus'] == 'RUNNING' and agents[1] is None, agents
def code(**kw):
    try:
        return ecs.execute_command(command='/program about', **{'task': on, 'interactive': True, **kw})
    except ecs.exceptions.ClientError as e:
        return e.response['Error']['Code'], e.response['Error']['Message']
assert code(interactive=False) == ('InvalidParameterException', 'Interactive is the only mode supported currently.'), code(interactive=False)
assert code(task=off)[0] == 'InvalidParameterException' and 'execute command was not enabled when the task was run' in code(task=off)[1], code(task=off)
assert code(task='0' * 32) == ('InvalidParameterException', 'The referenced task was not found.'), code(task='0' * 32)
assert code(container='nope')[0] == 'InvalidParameterException', code(container='nope')
assert code(cluster='nope')[0] == 'ClusterNotFoundException', code(cluster='nope')
# The agent connects with the task role's permissions, all four of them.
unconnected = ('TargetNotConnectedException', 'The execute command failed due to an internal error. Try again later.')
assert code() == unconnected, code()
def channels(*actions):
    iam.put_role_policy(RoleName='execution', PolicyName='exec', PolicyDocument=json.dumps({'Version': '2012-10-17', 'Statement': [
        {'Effect': 'Allow', 'Action': ['ssmmessages:' + a for a in actions], 'Resource': '*'}]}))
channels('CreateControlChannel', 'CreateDataChannel', 'OpenControlChannel')
assert code() == unconnected, code()
channels('CreateControlChannel', 'CreateDataChannel', 'OpenControlChannel', 'OpenDataChannel')
assert code(task=bare) == unconnected, code(task=bare) # without a role, nobody has them
out = code()
assert out['session']['streamUrl'].startswith('ws://') and out['containerName'] == 'web' and out['taskArn'] == on and out['interactive'], out
ecs.stop_task(task=off)
ecs.get_waiter('tasks_stopped').wait(tasks=[off], WaiterConfig={'Delay': 1})
assert code(task=off)[0] == 'TargetNotConnectedException', code(task=off)
print(on)
`

// The aws command runs programs in a container, on a terminal, through its plugin.
func TestExecuteCommand(t *testing.T) {
	r := started(t, cloud.Options{Driver: "native"})
	image := r.image("web", compiled(t, "testdata/web"))
	role := r.makeRole("execution", "ecs-tasks.amazonaws.com", "arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy")
	task := r.python(strings.NewReplacer("IMAGE", image, "ROLE", role).Replace(botocoreExecutes))
	bin := t.TempDir()
	if err := os.WriteFile(filepath.Join(bin, "session-manager-plugin"), []byte(pythonPlugin), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", bin+string(os.PathListSeparator)+os.Getenv("PATH"))
	t.Setenv("TYPED", "one two|exit")
	got := strings.ReplaceAll(r.aws("ecs", "execute-command", "--task", task, "--interactive", "--command", "/program --terminal 'a b'"), "\r", "")
	for _, want := range []string{`arguments ["--terminal" "a b"]`, "size 43x132", "TERM=xterm-256color", `read "one two\n"`, "closed"} {
		if !strings.Contains(got, want) {
			t.Errorf("without %s:\n%s", want, got)
		}
	}
	if got := r.aws("ecs", "execute-command", "--task", task, "--interactive", "--command", "/nothing"); !strings.Contains(got, "no such file") {
		t.Errorf("a program that is not there: %s", got)
	}
}
