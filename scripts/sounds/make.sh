#!/bin/sh
# Makes the sounds that are shipped: what words.txt of each language says, and the music (music.py).
#
#   scripts/sounds/make.sh            all of them
#   scripts/sounds/make.sh en         one language
#   scripts/sounds/make.sh music      the music
#   scripts/sounds/make.sh missing    what was added to the lists since
#
# Needs flite, espeak-ng, sox and ffmpeg, and python3 for the music. None of them is needed to build or to run Patchcord:
# what comes out of this is kept beside it. docs/decisions/0011-shipped-sounds.md says why these voices.
set -eu

cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# The level that speech has where it sounds, in dB below full scale: -16 dBm0, which is where the loader puts every prompt.
LEVEL=-19
# Room above the loudest sample, for what the codec adds.
PEAK=-1.5

# speak <language> <text> <file.wav>
speak() {
    case $1 in
        en) flite -voice slt --setf duration_stretch=1.06 -t "$2" -o "$3" ;;
        de) espeak-ng -v de -s 145 -p 42 -a 70 -w "$3" "$2" ;;
        *) echo "no voice is known for $1" >&2; exit 1 ;;
    esac
}

# trimmed <in.wav> <out.wav>: wide band, mono, without the silence around it but for a breath
trimmed() {
    sox "$1" -r 16000 -c 1 -b 16 "$2" highpass 70 \
        silence 1 0.01 0.15% fade q 0.005 reverse silence 1 0.01 0.15% fade q 0.02 reverse pad 0.02 0.08
}

# levelled <in.wav> <out.wav>
levelled() {
    gain=$(sox "$1" -n stats 2>&1 | awk -v level=$LEVEL -v most=$PEAK '
        /^Pk lev dB/ { peak = $4 } /^RMS lev dB/ { mean = $4 }
        END { gain = level - mean; if (peak + gain > most) gain = most - peak; print gain }')
    sox "$1" -b 16 "$2" gain "$gain"
}

# packed <in.wav> <out.opus> <kbit/s> <voip|audio>
packed() {
    mkdir -p "$(dirname "$2")"
    ffmpeg -nostdin -v error -y -i "$1" -c:a libopus -b:a "$3k" -application "$4" -frame_duration 20 \
        -map_metadata -1 -fflags +bitexact -flags:a +bitexact "$2"
}

language() {
    find "$1" -name '*.opus' -delete
    missing "$1"
}

# What words.txt names and nobody has made yet.
missing() {
    grep -v '^ *\(#\|$\)' "$1/words.txt" | while IFS= read -r line; do
        name=${line%% = *}
        [ -e "$1/$name.opus" ] && continue
        speak "$1" "${line#* = }" "$work/spoken.wav"
        trimmed "$work/spoken.wav" "$work/trimmed.wav"
        levelled "$work/trimmed.wav" "$work/levelled.wav"
        packed "$work/levelled.wav" "$1/$name.opus" 20 voip
    done
}

music() {
    python3 music.py "$work/music.wav"
    packed "$work/music.wav" music.opus 32 audio
}

for what in "${@:-all}"; do
    case $what in
        all) language en; language de; music ;;
        music) music ;;
        missing) missing en; missing de ;;
        *) language "$what" ;;
    esac
done
