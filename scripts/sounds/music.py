"""Composes and plays the music on hold into a wav file: sixteen bars for a soft electric piano, strings and a bass.

The piece is a loop: what still sounds at its end sounds on at its beginning, so that nobody hears where it starts again.
Everything lies below 3.4 kHz, because most who wait hear it through a narrow line.
"""

import math
import random
import sys
import wave
from array import array

RATE = 16_000
BEAT = 60 / 80
BARS = 16
LENGTH = int(BARS * 4 * BEAT * RATE)
# In dB below full scale, as loud as the prompts; the peaks of music lie lower than those of speech.
LEVEL_DB = -21

# A chord each bar: its bass and its voices, as numbers of MIDI.
CHORDS = [
    (41, (57, 60, 64, 67)),  # F major 9
    (38, (57, 60, 65, 69)),  # D minor 7
    (46, (58, 62, 65, 69)),  # B flat major 7
    (36, (58, 62, 64, 67)),  # C 9
    (45, (55, 60, 64, 67)),  # A minor 7
    (38, (57, 60, 64, 65)),  # D minor 9
    (43, (58, 62, 65, 69)),  # G minor 9
    (36, (58, 62, 65, 67)),  # C 11
]
# Beats of a bar at which the piano plays, which voice of the chord, and how strongly.
FIGURES = [
    [(0, 0, 0.9), (0.5, 2, 0.5), (1, 3, 0.7), (1.5, 1, 0.45), (2, 2, 0.7), (2.5, 3, 0.5), (3, 1, 0.55), (3.5, 2, 0.4)],
    [(0, 1, 0.8), (0.75, 3, 0.55), (1.5, 2, 0.6), (2, 0, 0.5), (2.75, 3, 0.6), (3.5, 1, 0.4)],
]
# A tune in the second half: bar, beat, number of MIDI, beats that it lasts.
TUNE = [
    (8, 0, 72, 1.5), (8, 1.5, 76, 0.5), (8, 2, 79, 2), (9, 0.5, 77, 1), (9, 1.5, 76, 0.5), (9, 2, 72, 2),
    (10, 0, 74, 1.5), (10, 1.5, 77, 0.5), (10, 2, 81, 1.5), (10, 3.5, 79, 0.5), (11, 0, 79, 2.5), (11, 3, 76, 1),
    (12, 0, 76, 1.5), (12, 1.5, 72, 0.5), (12, 2, 79, 2), (13, 0, 77, 1), (13, 1, 76, 1), (13, 2, 74, 2),
    (14, 0, 74, 1), (14, 1, 77, 1), (14, 2, 70, 2), (15, 0, 72, 3),
]

sound = [0.0] * LENGTH


def hertz(note):
    return 440 * 2 ** ((note - 69) / 12)


def add(start, values):
    """Into the loop, around its end if need be."""
    at = int(start * RATE) % LENGTH
    for value in values:
        sound[at] += value
        at += 1
        if at == LENGTH:
            at = 0


def piano(note, strength, seconds):
    """Two sines, one bending the other: the tine and the bar of an electric piano."""
    step = math.tau * hertz(note) / RATE
    for n in range(int(seconds * RATE)):
        t = n / RATE
        rise = min(1.0, t / 0.006)
        fall = math.exp(-t * (1.1 + note / 90)) * min(1.0, (seconds - t) / 0.15)
        bend = 0.9 * strength * math.exp(-t * 5)
        trembling = 1 + 0.06 * math.sin(math.tau * 4.2 * t)
        yield 0.30 * strength * rise * fall * trembling * math.sin(step * n + bend * math.sin(step * n))


def strings(note, seconds):
    """Three slightly different voices that come and go slowly."""
    voices = [math.tau * hertz(note) * detuned / RATE for detuned in (0.9975, 1.0, 1.0028)]
    starts = [random.random() * math.tau for _ in voices]
    for n in range(int(seconds * RATE)):
        t = n / RATE
        swell = min(1.0, t / 0.9, (seconds - t) / 0.9)
        wave_of = sum(
            math.sin(step * n + start) + 0.35 * math.sin(2 * step * n + start) + 0.12 * math.sin(3 * step * n)
            for step, start in zip(voices, starts)
        )
        yield 0.020 * swell * wave_of


def bass(note, seconds):
    step = math.tau * hertz(note) / RATE
    for n in range(int(seconds * RATE)):
        t = n / RATE
        shape = min(1.0, t / 0.02, (seconds - t) / 0.1) * math.exp(-t * 0.7)
        # The second and third partial carry it through lines that begin at 300 Hz.
        yield 0.20 * shape * (math.sin(step * n) + 0.5 * math.sin(2 * step * n) + 0.25 * math.sin(3 * step * n))


def echo():
    """A room: a few late and ever softer copies, around the loop's end."""
    dry = list(sound)
    for seconds, gain in ((0.043, 0.22), (0.067, 0.18), (0.101, 0.15), (0.149, 0.12), (0.223, 0.09), (0.331, 0.07)):
        late = int(seconds * RATE)
        for n in range(LENGTH):
            sound[n] += gain * dry[n - late]


def compose():
    for bar in range(BARS):
        root, voices = CHORDS[bar % len(CHORDS)]
        begin = bar * 4 * BEAT
        for beat, voice, strength in FIGURES[bar % 2]:
            strength *= 0.92 + 0.16 * random.random()
            add(begin + beat * BEAT + random.uniform(0, 0.008), piano(voices[voice] + 12 * (voice == 0), strength, 2.2))
        for note in voices:
            add(begin - 0.3, strings(note, 4 * BEAT + 0.9))
        add(begin, bass(root, 2.4 * BEAT))
        add(begin + 2.5 * BEAT, bass(root + 7 if bar % 4 < 3 else root, 1.4 * BEAT))
    for bar, beat, note, beats in TUNE:
        add((bar * 4 + beat) * BEAT, piano(note, 0.75, beats * BEAT + 0.8))
    echo()


def write(path):
    power = math.sqrt(sum(value * value for value in sound) / LENGTH)
    gain = 10 ** (LEVEL_DB / 20) / power
    gain = min(gain, 0.85 / max(abs(value) for value in sound))
    with wave.open(path, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(array("h", (int(value * gain * 32767) for value in sound)).tobytes())


random.seed(9664)
compose()
write(sys.argv[1])
