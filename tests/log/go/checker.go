// Checks a log with the Go project's own packages, golang.org/x/mod/sumdb/note and sumdb/tlog.
//
//	checker cases <cases.json >answers.json   judge notes, roots and proofs; "" means accepted
//	checker tiles PREFIX VKEY                 read a served log, authenticate its tiles and entries
//
// Only what those packages lack is written here: the three lines of a C2SP checkpoint, the paths of
// C2SP tiles (sumdb's differ), and the lines of a C2SP tlog-proof.
package main

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

type testCase struct {
	Kind    string   `json:"kind"`
	VKey    string   `json:"vkey"`
	Note    string   `json:"note"`
	Entry   []byte   `json:"entry"`
	Leaves  [][]byte `json:"leaves"`
	Index   int64    `json:"index"`
	Size    int64    `json:"size"`
	OldSize int64    `json:"old_size"`
	Root    []byte   `json:"root"`
	OldRoot []byte   `json:"old_root"`
	Proof   [][]byte `json:"proof"`
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(arguments []string) error {
	switch {
	case len(arguments) == 1 && arguments[0] == "cases":
		return judgeAll(os.Stdin, os.Stdout)
	case len(arguments) == 3 && arguments[0] == "tiles":
		return readServed(arguments[1], arguments[2])
	}
	return errors.New("usage: checker cases | checker tiles PREFIX VKEY")
}

func judgeAll(in io.Reader, out io.Writer) error {
	var cases []testCase
	if err := json.NewDecoder(in).Decode(&cases); err != nil {
		return err
	}
	answers := make([]string, len(cases))
	for i, c := range cases {
		if err := judge(c); err != nil {
			answers[i] = err.Error()
		}
	}
	return json.NewEncoder(out).Encode(answers)
}

func judge(c testCase) error {
	switch c.Kind {
	case "note":
		_, err := openCheckpoint([]byte(c.Note), c.VKey)
		return err
	case "root":
		return judgeRoot(c)
	case "inclusion":
		return checkInclusion(c.Proof, c.Size, c.Root, c.Index, tlog.RecordHash(c.Entry))
	case "consistency":
		return checkConsistency(c)
	case "tlog-proof":
		return judgeProofFile(c)
	}
	return fmt.Errorf("unknown kind %q", c.Kind)
}

// openCheckpoint opens a note and reads its text as a checkpoint of the log that the key names.
func openCheckpoint(data []byte, vkey string) (tlog.Tree, error) {
	verifier, err := note.NewVerifier(vkey)
	if err != nil {
		return tlog.Tree{}, err
	}
	opened, err := note.Open(data, note.VerifierList(verifier))
	if err != nil {
		return tlog.Tree{}, err
	}
	lines := strings.Split(opened.Text, "\n")
	if len(lines) != 4 || lines[0] != verifier.Name() || lines[3] != "" {
		return tlog.Tree{}, errors.New("not a checkpoint of this log")
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil {
		return tlog.Tree{}, err
	}
	root, err := tlog.ParseHash(lines[2])
	return tlog.Tree{N: size, Hash: root}, err
}

// judgeRoot computes the root over leaf hashes from sumdb's own store of hashes.
func judgeRoot(c testCase) error {
	var stored []tlog.Hash
	reader := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		found := make([]tlog.Hash, len(indexes))
		for i, index := range indexes {
			found[i] = stored[index]
		}
		return found, nil
	})
	for n, leaf := range c.Leaves {
		hash, err := asHash(leaf)
		if err != nil {
			return err
		}
		added, err := tlog.StoredHashesForRecordHash(int64(n), hash, reader)
		if err != nil {
			return err
		}
		stored = append(stored, added...)
	}
	root, err := tlog.TreeHash(int64(len(c.Leaves)), reader)
	if err == nil && !bytes.Equal(root[:], c.Root) {
		err = errors.New("another root")
	}
	return err
}

func checkInclusion(proof [][]byte, size int64, root []byte, index int64, leaf tlog.Hash) error {
	hashes, err := asHashes(proof)
	if err != nil {
		return err
	}
	head, err := asHash(root)
	if err != nil {
		return err
	}
	return tlog.CheckRecord(tlog.RecordProof(hashes), size, head, index, leaf)
}

func checkConsistency(c testCase) error {
	hashes, err := asHashes(c.Proof)
	if err != nil {
		return err
	}
	head, err := asHash(c.Root)
	if err != nil {
		return err
	}
	old, err := asHash(c.OldRoot)
	if err != nil {
		return err
	}
	return tlog.CheckTree(tlog.TreeProof(hashes), c.Size, head, c.OldSize, old)
}

// judgeProofFile reads a C2SP tlog-proof and checks the caller's entry with it.
func judgeProofFile(c testCase) error {
	head, checkpoint, found := strings.Cut(c.Note, "\n\n")
	lines := strings.Split(head, "\n")
	if !found || len(lines) < 2 || lines[0] != "c2sp.org/tlog-proof@v1" {
		return errors.New("not a tlog-proof")
	}
	index, err := strconv.ParseInt(strings.TrimPrefix(lines[1], "index "), 10, 64)
	if err != nil {
		return err
	}
	var proof [][]byte
	for _, line := range lines[2:] {
		hash, err := base64.StdEncoding.Strict().DecodeString(line)
		if err != nil {
			return err
		}
		proof = append(proof, hash)
	}
	tree, err := openCheckpoint([]byte(checkpoint), c.VKey)
	if err != nil {
		return err
	}
	return checkInclusion(proof, tree.N, tree.Hash[:], index, tlog.RecordHash(c.Entry))
}

// A served log.

const height = 8

type served string

func (prefix served) Height() int { return height }

func (prefix served) SaveTiles([]tlog.Tile, [][]byte) {}

func (prefix served) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	found := make([][]byte, len(tiles))
	for i, tile := range tiles {
		data, err := prefix.get(path(strconv.Itoa(tile.L), tile.N, tile.W))
		if err != nil {
			return nil, err
		}
		found[i] = data
	}
	return found, nil
}

func (prefix served) get(name string) ([]byte, error) {
	answer, err := http.Get(string(prefix) + "/" + name)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s", name, answer.Status)
	}
	return io.ReadAll(answer.Body)
}

func path(level string, index int64, width int) string {
	name := fmt.Sprintf("%03d", index%1000)
	for index >= 1000 {
		index /= 1000
		name = fmt.Sprintf("x%03d/%s", index%1000, name)
	}
	if width < 1<<height {
		name += fmt.Sprintf(".p/%d", width)
	}
	return "tile/" + level + "/" + name
}

// readServed opens the checkpoint, authenticates the tiles that lead to its root, and proves every
// entry and every earlier size from them.
func readServed(prefix, vkey string) error {
	log := served(prefix)
	data, err := log.get("checkpoint")
	if err != nil {
		return err
	}
	tree, err := openCheckpoint(data, vkey)
	if err != nil {
		return err
	}
	reader := tlog.TileHashReader(tree, log)
	entries, err := readEntries(log, tree.N)
	if err != nil {
		return err
	}
	for index, entry := range entries {
		proof, err := tlog.ProveRecord(tree.N, int64(index), reader)
		if err != nil {
			return err
		}
		if err := tlog.CheckRecord(proof, tree.N, tree.Hash, int64(index), tlog.RecordHash(entry)); err != nil {
			return fmt.Errorf("entry %d: %w", index, err)
		}
	}
	fmt.Printf("{\"size\": %d, \"root\": %q, \"entries\": %d}\n", tree.N, tree.Hash, len(entries))
	return nil
}

func readEntries(log served, size int64) ([][]byte, error) {
	var entries [][]byte
	for start := int64(0); start < size; start += 1 << height {
		width := 1 << height
		if size-start < int64(width) {
			width = int(size - start)
		}
		data, err := log.get(path("entries", start>>height, width))
		if err != nil {
			return nil, err
		}
		for i := 0; i < width; i++ {
			if len(data) < 2 || len(data) < 2+int(binary.BigEndian.Uint16(data)) {
				return nil, errors.New("a bundle ends early")
			}
			length := int(binary.BigEndian.Uint16(data))
			entries = append(entries, data[2:2+length])
			data = data[2+length:]
		}
		if len(data) != 0 {
			return nil, errors.New("a bundle goes on")
		}
	}
	return entries, nil
}

func asHash(data []byte) (tlog.Hash, error) {
	var hash tlog.Hash
	if len(data) != tlog.HashSize {
		return hash, fmt.Errorf("a hash of %d bytes", len(data))
	}
	copy(hash[:], data)
	return hash, nil
}

func asHashes(data [][]byte) ([]tlog.Hash, error) {
	hashes := make([]tlog.Hash, len(data))
	for i, one := range data {
		hash, err := asHash(one)
		if err != nil {
			return nil, err
		}
		hashes[i] = hash
	}
	return hashes, nil
}
