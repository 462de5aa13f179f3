//! The one Content-Length rule of the house.
//!
//! Whoever needs to know where a body ends asks here: the parser of a datagram and the deframer of a stream. So the two
//! cannot disagree about where the next message starts.

use super::Fault;

/// What the Content-Length lines of one message say together. `None`: there is no such line.
///
/// Several lines that agree are one. Lines that differ, signs, lists, garbage and numbers that do not fit are refused:
/// guessing where a message ends is how smuggled requests get in.
pub fn declared<'a>(values: impl Iterator<Item = &'a [u8]>) -> Result<Option<usize>, Fault> {
    let mut said = None;
    for value in values {
        let length = digits(value).ok_or(Fault::bad("Bad Content-Length"))?;
        match said {
            Some(before) if before != length => return Err(Fault::bad("Contradicting Content-Length")),
            _ => said = Some(length),
        }
    }
    Ok(said)
}

/// How many of the `available` bytes behind the head of a whole message are its body.
///
/// Without a declaration the body runs to the end (RFC 3261 §18.3, datagrams). What is there beyond the declared length
/// is cut off; a message shorter than it says is broken.
pub fn body(said: Option<usize>, available: usize) -> Result<usize, Fault> {
    match said {
        None => Ok(available),
        Some(length) if length <= available => Ok(length),
        Some(_) => Err(Fault::bad("Body shorter than Content-Length")),
    }
}

fn digits(value: &[u8]) -> Option<usize> {
    if value.is_empty() {
        return None;
    }
    value.iter().try_fold(0usize, |sum, byte| {
        byte.is_ascii_digit().then_some(())?;
        sum.checked_mul(10)?.checked_add(usize::from(byte - b'0'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(lines: &[&str]) -> Result<Option<usize>, Fault> {
        declared(lines.iter().map(|line| line.as_bytes()))
    }

    #[test]
    fn lines_that_agree_are_one() {
        assert_eq!(of(&[]), Ok(None));
        assert_eq!(of(&["5", "05"]), Ok(Some(5)));
    }

    #[test]
    fn lines_that_differ_and_lines_that_are_no_number_are_refused() {
        for lines in
            [&["5", "6"][..], &["-5"], &["+5"], &["5, 5"], &[""], &["5 5"], &["0x5"], &["99999999999999999999"]]
        {
            assert_eq!(of(lines).map_err(Fault::status), Err(400), "{lines:?}");
        }
    }

    #[test]
    fn surplus_is_cut_and_shortage_is_refused() {
        assert_eq!(body(None, 7), Ok(7));
        assert_eq!(body(Some(5), 7), Ok(5));
        assert_eq!(body(Some(8), 7).map_err(Fault::status), Err(400));
    }
}
