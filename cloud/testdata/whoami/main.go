// Whoami tells what a task knows of itself: its metadata, and who it is to AWS.
package main

import (
	"context"
	"encoding/json"
	"log"
	"net/http"
	"os"
	"time"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	res, err := http.Get(os.Getenv("ECS_CONTAINER_METADATA_URI_V4") + "/task")
	if err != nil {
		log.Fatal(err)
	}
	defer res.Body.Close()
	var task struct {
		Cluster, TaskARN, Family string
		Containers               []struct{ Name string }
	}
	if err := json.NewDecoder(res.Body).Decode(&task); err != nil {
		log.Fatal(err)
	}
	log.Printf("task %s of family %s in cluster %s, %d containers", task.TaskARN, task.Family, task.Cluster, len(task.Containers))
	cfg, err := config.LoadDefaultConfig(ctx) // the SDK's own chain finds region, endpoint and keys
	if err != nil {
		log.Fatal(err)
	}
	who, err := sts.NewFromConfig(cfg).GetCallerIdentity(ctx, nil)
	if err != nil {
		log.Fatalf("nobody: %v", err)
	}
	log.Printf("I am %s", *who.Arn)
	for _, v := range os.Environ() {
		log.Print(v)
	}
}
