package mp3

import "math"

// Quiet is the loudness of silence.
const Quiet = -96.0 // dB

// Loudness returns how loud each channel of the frame is, in dB against the
// same stream's other frames: an estimate from what the frame says of its
// spectrum, without decoding it. It follows the decoded sound within a few dB,
// which is enough to see who speaks when.
//
// The loudest coefficient of a channel is about its step (global_gain, in steps
// of 1.5 dB) by the greatest number that its Huffman tables can write, to the
// power of 4/3 (ISO/IEC 11172-3, 2.4.2.7). Channels that are coded as sum and
// difference are as loud as the two together.
func (f Frame) Loudness() []float64 {
	levels := make([]float64, f.Header.Channels)
	side := bits{data: f.Bytes, at: HeaderSize * 8}
	if f.Header.Protected {
		side.at += 16
	}
	granules := 1
	if f.Header.Version == MPEG1 {
		granules = 2
		side.skip(9 + map[int]int{1: 5, 2: 3}[f.Header.Channels] + 4*f.Header.Channels) // main_data_begin, private, scfsi
	} else {
		side.skip(8 + f.Header.Channels) // main_data_begin, private
	}
	for range granules {
		for c := range levels {
			levels[c] += side.amplitude(f.Header.Version)
		}
	}
	if f.midSide() {
		both := math.Hypot(levels[0], levels[1]) / math.Sqrt2
		levels[0], levels[1] = both, both
	}
	for c, amplitude := range levels {
		levels[c] = max(20*math.Log10(amplitude/float64(granules)), Quiet)
	}
	return levels
}

// midSide reports whether the channels are the sum and the difference of two.
func (f Frame) midSide() bool {
	const joint = 1
	return f.Header.Channels == 2 && f.Bytes[3]>>6 == joint && f.Bytes[3]>>5&1 == 1
}

// bits reads the numbers of which the side information is made; behind the end
// of a broken frame they are zero.
type bits struct {
	data []byte
	at   int // bits
}

func (b *bits) skip(n int) { b.at += n }

func (b *bits) read(n int) (v int) {
	for range n {
		v <<= 1
		if i := b.at >> 3; i < len(b.data) {
			v |= int(b.data[i]>>(7-b.at&7)) & 1
		}
		b.at++
	}
	return v
}

// greatest is what stands for the numbers that each Huffman table writes. Of a
// table with escapes few are as great as it could write, so that it counts for
// the geometric mean of that and the smallest escape.
var greatest = [32]float64{
	0, 1, 2, 2, 3, 3, 3, 5, 5, 5, 7, 7, 7, 15, 15, 15,
	16, 17, 19, 23, 33, 57, 110, 307, 23, 27, 33, 43, 57, 79, 154, 307,
}

// amplitude reads one channel of one granule (2.4.1.7; ISO/IEC 13818-3 for the
// lower rates) and returns its greatest coefficient.
func (b *bits) amplitude(v Version) float64 {
	b.skip(12) // part2_3_length
	pairs := b.read(9)
	gain := b.read(8)
	if v == MPEG1 {
		b.skip(4) // scalefac_compress
	} else {
		b.skip(9)
	}
	top, regions := 0.0, 3
	windows := b.read(1) == 1
	if windows {
		b.skip(3) // block_type, mixed_block_flag
		regions = 2
	}
	for range regions {
		top = max(top, greatest[b.read(5)])
	}
	if windows {
		b.skip(9) // subblock_gain
	} else {
		b.skip(7) // region0_count, region1_count
	}
	if v == MPEG1 {
		b.skip(3) // preflag, scalefac_scale, count1table_select
	} else {
		b.skip(2)
	}
	if pairs == 0 {
		return 0
	}
	return math.Pow(2, float64(gain-210)/4) * math.Pow(top, 4.0/3)
}
