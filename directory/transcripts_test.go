package directory_test

import (
	"testing"

	"palabre/server/servertest"
)

func TestTranscripts(t *testing.T) { servertest.Run(t, "testdata") }
