//! Looks at the length that each frame announces, as its header passes by: a frame that is too long is refused before
//! it is read. The codec behind it would hold the whole frame first.

use std::{
    cell::Cell,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, ready},
};

use actix_web::{dev::Payload, error::PayloadError};
use bytes::Bytes;
use futures_util::Stream;

/// The longest header: two bytes, eight of the length, four of the mask (RFC 6455, 5.2).
const HEADER_MAX: usize = 14;

/// Set once a frame was too long.
#[derive(Debug, Clone, Default)]
pub(super) struct TooLong(Rc<Cell<bool>>);

impl TooLong {
    /// Whether a frame was too long. Nothing after it is read.
    pub fn is_so(&self) -> bool {
        self.0.get()
    }
}

/// A connection's bytes, up to a frame that is too long.
pub(super) struct Measured {
    bytes: Payload,
    ruler: Ruler,
    too_long: TooLong,
}

impl Measured {
    /// The bytes of frames that are at most `frame_max` long.
    pub fn new(bytes: Payload, frame_max: u64, too_long: TooLong) -> Self {
        Self { bytes, ruler: Ruler { frame_max, header: Vec::with_capacity(HEADER_MAX), left: 0 }, too_long }
    }
}

impl Stream for Measured {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        if this.too_long.is_so() {
            return Poll::Ready(None);
        }
        let next = ready!(Pin::new(&mut this.bytes).poll_next(context));
        if let Some(Ok(bytes)) = &next
            && this.ruler.measure(bytes).is_err()
        {
            this.too_long.0.set(true);
            return Poll::Ready(Some(Err(PayloadError::Overflow)));
        }
        Poll::Ready(next)
    }
}

/// The position in a frame of the bytes that are being read.
struct Ruler {
    frame_max: u64,
    /// The part of a header that has passed.
    header: Vec<u8>,
    /// How much of the frame's content is still to come.
    left: u64,
}

/// A frame announces more than is allowed.
#[derive(Debug, PartialEq, Eq)]
struct Exceeds;

impl Ruler {
    fn measure(&mut self, mut bytes: &[u8]) -> Result<(), Exceeds> {
        while !bytes.is_empty() {
            if self.left > 0 {
                let skipped = usize::try_from(self.left).unwrap_or(usize::MAX).min(bytes.len());
                self.left -= skipped as u64;
                bytes = &bytes[skipped..];
                continue;
            }
            self.header.push(bytes[0]);
            bytes = &bytes[1..];
            if let Some(length) = announced(&self.header) {
                if length > self.frame_max {
                    return Err(Exceeds);
                }
                self.left = length;
                self.header.clear();
            }
        }
        Ok(())
    }
}

/// The length of the content that a header announces, once all of the header is there.
fn announced(header: &[u8]) -> Option<u64> {
    let second = *header.get(1)?;
    let mask = if second & 0x80 == 0 { 0 } else { 4 };
    let (short, extended) = match second & 0x7f {
        126 => (0, 2),
        127 => (0, 8),
        short => (u64::from(short), 0),
    };
    if header.len() < 2 + extended + mask {
        return None;
    }
    let long = header[2..2 + extended].iter().fold(0, |length, byte| length << 8 | u64::from(*byte));
    Some(if extended == 0 { short } else { long })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ruler() -> Ruler {
        Ruler { frame_max: 1_000, header: Vec::new(), left: 0 }
    }

    /// A masked text frame with a content of zeros, and the form of its length.
    fn frame(length: u64, extended: usize) -> Vec<u8> {
        let mut frame = vec![0x81];
        match extended {
            0 => frame.push(0x80 | u8::try_from(length).expect("a short length")),
            2 => frame.push(0x80 | 126),
            _ => frame.push(0x80 | 127),
        }
        frame.extend(&length.to_be_bytes()[8 - extended..]);
        frame.extend([1, 2, 3, 4]);
        frame.extend(std::iter::repeat_n(0x81, usize::try_from(length.min(2_000)).expect("a length")));
        frame
    }

    #[test]
    fn frames_within_the_bound_pass_however_they_are_cut() {
        let all = [frame(5, 0), frame(0, 0), frame(1_000, 2), frame(125, 8), frame(7, 0)].concat();
        for piece in [1, 2, 3, 7, 13, 1_001, all.len()] {
            let mut ruler = ruler();
            for bytes in all.chunks(piece) {
                assert_eq!(ruler.measure(bytes), Ok(()), "in pieces of {piece}");
            }
            assert!(ruler.header.is_empty() && ruler.left == 0, "in pieces of {piece}");
        }
    }

    #[test]
    fn a_frame_is_refused_when_its_header_says_too_much() {
        for (length, extended) in [(1_001, 2), (65_535, 2), (300 << 20, 8), (u64::MAX, 8)] {
            let header = &frame(length, extended)[..2 + extended + 4];
            for piece in [1, 3, header.len()] {
                let mut ruler = ruler();
                assert_eq!(ruler.measure(&frame(9, 0)), Ok(()));
                let measured: Result<Vec<()>, Exceeds> =
                    header.chunks(piece).map(|bytes| ruler.measure(bytes)).collect();
                assert_eq!(measured, Err(Exceeds), "{length} in pieces of {piece}");
            }
        }
    }
}
