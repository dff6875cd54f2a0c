//! Why a socket ends, and the close code that says so. `/asyncapi.json` lists the codes of this file.

use actix_ws::{CloseCode, CloseReason};

/// The close code for a client that reads too slowly.
const TOO_SLOW: u16 = 4008;
/// The close code for a client whose token is no longer good.
const EXPIRED: u16 = 4001;

/// Why a socket ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// The client is gone.
    Gone,
    /// The client said goodbye, with this code.
    Goodbye(Option<CloseCode>),
    /// The client reads too slowly.
    TooSlow,
    /// What the client was sent may not be true any more, because the store lost changes.
    Outdated,
    /// The client's token has expired.
    Expired,
    /// Nothing was heard of the client.
    Silent,
    Stopping,
    /// A frame is longer than allowed.
    TooLong,
    /// The client sent bytes that are no WebSocket frame.
    Garbled,
}

impl End {
    /// The ends that the server announces with a code of its own.
    pub const ANNOUNCED: [Self; 8] = [
        Self::Silent,
        Self::Stopping,
        Self::Garbled,
        Self::Goodbye(Some(CloseCode::Abnormal)),
        Self::TooLong,
        Self::Expired,
        Self::TooSlow,
        Self::Outdated,
    ];

    /// The close frame; none for a client that is gone, or said goodbye without a code.
    pub fn reason(self) -> Option<CloseReason> {
        let (code, description) = match self {
            Self::Gone | Self::Goodbye(None) => return None,
            Self::Goodbye(Some(code)) if is_sent(code) => return Some(code.into()),
            Self::Goodbye(Some(_)) => (CloseCode::Protocol, "not a code that is sent"),
            Self::TooSlow => (CloseCode::Other(TOO_SLOW), "reads too slowly"),
            Self::Outdated => (CloseCode::Other(TOO_SLOW), "what was sent is outdated; connect again and read anew"),
            Self::Expired => {
                (CloseCode::Other(EXPIRED), "the token has expired; send a newer one in time with an auth frame")
            }
            Self::Silent => (CloseCode::Away, "nothing was heard of the client"),
            Self::Stopping => (CloseCode::Away, "the server stops"),
            Self::TooLong => (CloseCode::Size, "the frame is too long"),
            Self::Garbled => (CloseCode::Protocol, "not a WebSocket frame"),
        };
        Some(CloseReason { code, description: Some(description.to_owned()) })
    }

    /// The advice to a client whose socket ended so.
    pub fn advice(self) -> &'static str {
        match self {
            Self::Gone | Self::Goodbye(None) => "",
            Self::Goodbye(Some(_)) => "Close with 1000, or a code from 3000 to 4999.",
            Self::TooSlow => {
                "Open another socket, subscribe with the last `seq` you have as `after`, and read faster or follow less."
            }
            Self::Outdated => "Open another socket and read the calls anew: the store went back to an earlier state.",
            Self::Expired => {
                "Get a new token and open another socket with it; next time send it with an `auth` frame before `exp`."
            }
            Self::Silent => "Open another socket; answer pings, or send a `ping` frame within `http.ws_idle_s`.",
            Self::Stopping => {
                "Open another socket after a short random time, and subscribe with the last `seq` you have as `after`."
            }
            Self::TooLong => "Send shorter frames: `http.ws_frame_max_bytes` at most.",
            Self::Garbled => "Correct the client: the bytes were no WebSocket frame (RFC 6455).",
        }
    }
}

/// Whether a close frame may have a code: some only say that there was no frame, or none with a code (RFC 6455, 7.4).
fn is_sent(code: CloseCode) -> bool {
    matches!(u16::from(code), 1000..=1003 | 1007..=1014 | 3000..=4999)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether the server announces an end with a code of its own. A new end must take a side here.
    fn is_announced(end: End) -> bool {
        match end {
            End::Gone | End::Goodbye(None) => false,
            End::Goodbye(Some(code)) => !is_sent(code),
            End::TooSlow | End::Outdated | End::Expired | End::Silent | End::Stopping | End::TooLong | End::Garbled => {
                true
            }
        }
    }

    #[test]
    fn every_announced_end_has_a_code_and_advice() {
        let all = [
            End::Gone,
            End::Goodbye(None),
            End::Goodbye(Some(CloseCode::Normal)),
            End::Goodbye(Some(CloseCode::Abnormal)),
            End::TooSlow,
            End::Expired,
            End::Silent,
            End::Stopping,
            End::TooLong,
            End::Garbled,
        ];
        for end in all {
            assert_eq!(End::ANNOUNCED.contains(&end), is_announced(end), "{end:?}");
        }
        for end in End::ANNOUNCED {
            let reason = end.reason().expect("a close frame");
            assert!(reason.description.is_some() && !end.advice().is_empty(), "{end:?}");
        }
    }
}
