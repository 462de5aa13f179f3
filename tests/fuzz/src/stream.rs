//! A stream, cut into pieces as its first byte says.

use patchcord_sip::{Deframer, Frame, Message};

/// A limit that inputs of a fuzzer reach.
const LIMIT: usize = 512;

/// Cuts a stream twice, in pieces and byte by byte, and wants the same frames.
pub fn stream(data: &[u8]) {
    let Some((&size, stream)) = data.split_first() else { return };
    let in_pieces = cut(stream, usize::from(size).max(1));
    assert_eq!(in_pieces, cut(stream, 1), "the frames depend on the pieces");
    assert_eq!(in_pieces, cut(stream, stream.len().max(1)), "the frames depend on the pieces");
    for frame in in_pieces.0 {
        let Frame::Message(bytes) = frame else { continue };
        assert!(!bytes.is_empty() && bytes.len() <= LIMIT);
        if let Ok(message) = Message::parse(bytes.clone()) {
            let headers = message.headers();
            assert_eq!(headers.head().len() + headers.body().len(), bytes.len(), "the two lengths disagree");
        }
    }
    if let Some((status, head)) = in_pieces.1 {
        assert!(matches!(status, 400 | 513));
        assert!(head.len() <= LIMIT + 2);
        crate::message(&head);
    }
}

type Cut = (Vec<Frame>, Option<(u16, Vec<u8>)>);

fn cut(stream: &[u8], size: usize) -> Cut {
    let mut deframer = Deframer::new(LIMIT);
    let mut frames = Vec::new();
    for piece in stream.chunks(size) {
        deframer.push(piece);
        loop {
            match deframer.take() {
                Ok(Some(frame)) => frames.push(frame),
                Ok(None) => break,
                Err(broken) => {
                    assert_eq!(deframer.held(), 0, "nothing is kept after a fault");
                    assert_eq!(deframer.take(), Ok(None));
                    return (frames, Some((broken.fault.status(), broken.head.to_vec())));
                }
            }
        }
        // A vector may have grown to twice of what it was asked for.
        assert!(deframer.held() <= 2 * (2 * LIMIT + size) + 4096, "{} bytes are held", deframer.held());
    }
    (frames, None)
}
