package bench

import "os"

func memoryOf(*os.ProcessState) int64 { return 0 }
