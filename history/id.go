package history

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/base32"
	"encoding/binary"
	"fmt"
)

// names are how ids are shown. XEP-0313 §3 has them unpredictable, and XEP-0359 §6 wants them to tell nothing; ours hold the time, and how
// much is going on in the whole server. So what is shown is one block of AES: the id, and as many zeros, by which it is known as one of ours.
type names struct{ block cipher.Block }

// newNames takes a key of 16, 24 or 32 bytes that must stay what it is as long as the archive does.
func newNames(key []byte) (names, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return names{}, fmt.Errorf("history: names of messages: %w", err)
	}
	return names{block}, nil
}

const nameSize = 26 // in base 32, of 16 bytes

var nameEncoding = base32.NewEncoding("0123456789abcdefghijklmnopqrstuv").WithPadding(base32.NoPadding)

// name is how an id is shown.
func (n names) name(id int64) string { return string(n.appendName(nil, id)) }

func (n names) appendName(b []byte, id int64) []byte {
	in := make([]byte, aes.BlockSize)
	binary.BigEndian.PutUint64(in, uint64(id))
	n.block.Encrypt(in, in)
	return nameEncoding.AppendEncode(b, in)
}

// id is what is shown under this name; ok is false for what is no name of ours.
func (n names) id(name string) (id int64, ok bool) {
	if len(name) != nameSize {
		return 0, false
	}
	block, err := nameEncoding.DecodeString(name)
	if err != nil || len(block) != aes.BlockSize || nameEncoding.EncodeToString(block) != name { // the decoder overlooks spare bits
		return 0, false
	}
	n.block.Decrypt(block, block)
	id = int64(binary.BigEndian.Uint64(block))
	return id, id > 0 && binary.BigEndian.Uint64(block[8:]) == 0
}
