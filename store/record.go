package store

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"strconv"

	"github.com/wrapix/wrapix/engine"
)

// The buckets of schema 1. Workflows are numbered in order of creation; the number is the first half of the keys of all
// that belongs to one, so that each kind of record lies in one ordered run.
var (
	metaBucket   = []byte("meta")    // schema, id, created
	idBucket     = []byte("ids")     // workflow id -> number
	headerBucket = []byte("headers") // number -> header
	sourceBucket = []byte("sources") // number, sourceBrief or sourceWhole -> engine.Source
	taskBucket   = []byte("tasks")   // number, position -> engine.Task
	eventBucket  = []byte("events")  // number, sequence -> engine.Event

	buckets = [][]byte{metaBucket, idBucket, headerBucket, sourceBucket, taskBucket, eventBucket}

	// These three records of the meta bucket keep their form in every schema to come.
	schemaKey  = []byte("schema")
	idKey      = []byte("id")
	createdKey = []byte("created")
)

// A source is there twice: as it is, and without its text and tasks for those who only show a workflow.
const (
	sourceBrief = iota
	sourceWhole
)

// header is the projection without its source and tasks.
type header struct {
	// Tasks counts the task records, so that a missing one is noticed.
	Tasks    int             `json:"tasks"`
	Workflow engine.Workflow `json:"workflow"`
}

// headerSeq reads the sequence number of a header's workflow, and nothing else: every append asks for it.
func headerSeq(value []byte) (uint64, error) {
	r := reader{text: string(value)}
	for r.members() {
		if r.key() != "workflow" {
			r.value()
			continue
		}
		for r.members() {
			if r.key() == "seq" {
				return strconv.ParseUint(r.value(), 10, 64)
			}
			r.value()
		}
	}
	return 0, fmt.Errorf("%.100q is not a workflow's record", value)
}

func numberKey(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }

func partKey(n, part uint64) []byte { return binary.BigEndian.AppendUint64(numberKey(n), part) }

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func checksum(key, value []byte) uint32 {
	return crc32.Update(crc32.Checksum(key, castagnoli), castagnoli, value)
}

// seal puts the checksum of key and value before the value. bbolt itself has checksums for its two meta pages only.
func seal(key, value []byte) []byte {
	return append(binary.BigEndian.AppendUint32(make([]byte, 0, 4+len(value)), checksum(key, value)), value...)
}

// unseal returns the value, which belongs to the transaction.
func (s *Store) unseal(bucket, key, sealed []byte) ([]byte, error) {
	if sealed == nil {
		return nil, s.damaged("the record %s/%x is missing", bucket, key)
	}
	if len(sealed) < 4 || binary.BigEndian.Uint32(sealed) != checksum(key, sealed[4:]) {
		return nil, s.damaged("the record %s/%x does not have its checksum", bucket, key)
	}
	return sealed[4:], nil
}

func (s *Store) decode(bucket, key, sealed []byte, into any) error {
	value, err := s.unseal(bucket, key, sealed)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(value, into); err != nil {
		return fmt.Errorf("read the record %s/%x of %s: %w", bucket, key, s.path, err)
	}
	return nil
}
