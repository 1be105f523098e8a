package cloud_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ecs"

	"github.com/turnoutdev/turnout/cloud"
	"github.com/turnoutdev/turnout/testkit"
)

// fullEnv makes the test binary a cloud whose disk is full after its first cluster.
const fullEnv = "TURNOUT_CLOUD_FULL"

func init() {
	if dir := os.Getenv(fullEnv); dir != "" {
		cloud.Init()
		fmt.Println(fillDisk(context.Background(), dir))
		os.Exit(0)
	}
}

func fillDisk(ctx context.Context, dir string) error {
	c, err := cloud.Start(ctx, cloud.Options{State: dir, Driver: "fake"})
	if err != nil {
		return err
	}
	id, secret := c.Credentials()
	client := ecs.NewFromConfig(aws.Config{
		Region: c.Region(), BaseEndpoint: aws.String(c.Endpoint()), Credentials: credentials.NewStaticCredentialsProvider(id, secret, ""),
		Retryer: func() aws.Retryer { return aws.NopRetryer{} },
	})
	create := func(name string) error {
		_, err := client.CreateCluster(ctx, &ecs.CreateClusterInput{ClusterName: &name})
		return err
	}
	fmt.Println("before:", create("before"))
	if err := testkit.DiskFull.Begin(); err != nil {
		return err
	}
	fmt.Println("after:", create("after"))
	select {
	case <-c.Done():
	case <-time.After(10 * time.Second):
	}
	fmt.Println("ended:", c.Err())
	return nil
}

// A call that a full disk does not take is an error, and the cloud ends, saying why; what it
// had acknowledged is there when there is room again.
func TestAFullDisk(t *testing.T) {
	dir := t.TempDir()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), fullEnv+"="+dir)
	out := string(must(cmd.Output()))
	for _, want := range []string{
		"before: <nil>\n", "after: operation error ECS: CreateCluster, https response error StatusCode: 500, ", "InternalFailure",
		"ended: ", "state is no longer written: write " + dir + "/state.db: ", "no space left on device",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("the cloud does not say %q:\n%s", want, out)
		}
	}
	r := started(t, cloud.Options{State: dir, Driver: "fake"})
	clusters := must(ecs.NewFromConfig(r.cfg).ListClusters(t.Context(), &ecs.ListClustersInput{})).ClusterArns
	if len(clusters) != 1 || !strings.HasSuffix(clusters[0], "/before") {
		t.Errorf("clusters: %v", clusters)
	}
}
