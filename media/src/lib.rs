//! Sound: RTP, codecs, prompts and mixing. Knows no SIP and no calls.
