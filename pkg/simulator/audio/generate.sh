#!/bin/sh
# Speaks the lines of clips.txt and encodes them as telephone MP3s (8 kHz,
# MPEG-2.5), with their texts and times in clips.json. Needs espeak-ng, sox and
# lame. The output is committed; run this only to change what is said.
#
# A line of clips.txt is NAME CHANNELS VOICE... TAB SENTENCE TAB SENTENCE...:
# mono clips speak every sentence with the first voice, dual ones speak the
# sentences in turn, caller left and agent right.
set -eu
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
tab=$(printf '\t')

# speak VOICE SENTENCE FILE: one sentence, with a breath of silence after it.
speak() {
	espeak-ng -v "$1" -s 165 -w "$work/raw.wav" "$2"
	sox -G "$work/raw.wav" -r 8000 -c 1 -b 16 "$3" silence 1 0.01 0.1% pad 0.05 0.25
}

rm -f -- *.mp3
separator=
echo '[' >"$work/clips.json"
while IFS="$tab" read -r head sentences; do
	[ -n "$head" ] || continue
	# shellcheck disable=SC2086
	set -- $head
	name=$1 channels=$2 left=$3 right=${4:-$3}
	start=0 segments='' parts='' turn=0
	rest=$sentences$tab
	while [ -n "$rest" ]; do
		sentence=${rest%%"$tab"*} rest=${rest#*"$tab"}
		voice=$left
		[ $((turn % 2)) -eq 0 ] || voice=$right
		part=$work/$turn.wav
		speak "$voice" "$sentence" "$part"
		length=$(soxi -D "$part")
		if [ "$channels" -eq 2 ]; then
			remix='1 0'
			[ $((turn % 2)) -eq 0 ] || remix='0 1'
			# shellcheck disable=SC2086
			sox "$part" "$work/$turn.dual.wav" remix $remix
			part=$work/$turn.dual.wav
		fi
		end=$(awk "BEGIN{printf \"%.2f\", $start + $length}")
		segments="$segments${segments:+, }{\"start\": $start, \"end\": $end, \"text\": \"$sentence\"}"
		parts="$parts $part" start=$end turn=$((turn + 1))
	done
	# shellcheck disable=SC2086
	sox $parts "$work/clip.wav"
	if [ "$channels" -eq 2 ]; then
		kbps=24 mode=s
	else
		kbps=16 mode=m
	fi
	# No Xing frame and no bit reservoir: clips can be joined end to end.
	lame --quiet -t --nores --cbr -b $kbps -m $mode --resample 8 "$work/clip.wav" "$name.mp3"
	seconds=$(awk "BEGIN{print $(wc -c <"$name.mp3") * 8 / ($kbps * 1000)}")
	printf '%s{"name": "%s", "channels": %s, "seconds": %s, "segments": [%s]}' \
		"$separator" "$name" "$channels" "$seconds" "$segments" >>"$work/clips.json"
	separator=',
'
done <clips.txt
printf '\n]\n' >>"$work/clips.json"
mv "$work/clips.json" clips.json
