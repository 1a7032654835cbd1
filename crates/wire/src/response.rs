//! The head of a response, as a client reads it.

use std::mem::MaybeUninit;

use httparse::{Response, Status};

use crate::body::Framing;
use crate::error::{Error, Flaw};
use crate::fields::{Fields, MAX_HEADERS, Said, parser_error};

/// A response without its body. One value serves a whole connection.
#[derive(Debug, Clone, Default)]
pub struct ResponseHead {
    fields: Fields,
    status: u16,
}

impl ResponseHead {
    /// The status code, zero when no response was read.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// The value of the first header line of this name, in any case; `None` also when it is not UTF-8.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.fields.get(name)
    }

    /// All header lines in their order.
    pub fn headers(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.fields.iter()
    }

    pub(crate) fn clear(&mut self) {
        self.fields.clear();
        self.status = 0;
    }

    /// Reads a head that is whole, as the answer to a `GET`. Interim responses are read like the others.
    pub(crate) fn parse(&mut self, text: &[u8]) -> Result<Told, Error> {
        let mut lines = [const { MaybeUninit::uninit() }; MAX_HEADERS];
        let mut response = Response::new(&mut []);
        let parser = httparse::ParserConfig::default();
        match parser.parse_response_with_uninit_headers(&mut response, text, &mut lines) {
            Ok(Status::Complete(length)) if length == text.len() => {}
            Ok(_) => return Err(Flaw::StartLine.into()),
            Err(error) => return Err(parser_error(error)),
        }
        let status = response.code.filter(|code| (100..600).contains(code)).ok_or(Flaw::StartLine)?;
        let http10 = response.version == Some(0);
        let said = Said::by(response.headers)?;
        // The order is that of RFC 9112, 6.3, without the cases that a GET cannot have.
        let framing = match (status, said.coding, said.length) {
            (100..=199 | 204 | 304, _, _) => Framing::Length(0),
            (_, Some(_), _) if http10 => return Err(Flaw::CodingInHttp10.into()),
            (_, Some(false), _) => return Err(Error::UnknownCoding),
            (_, Some(true), _) => Framing::Chunked,
            (_, None, Some(length)) => Framing::Length(length),
            (_, None, None) => Framing::UntilClose,
        };
        self.status = status;
        self.fields.load(text, response.headers);
        Ok(Told { framing, stays: said.stays(http10) })
    }
}

/// What the rest of the exchange depends on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Told {
    pub(crate) framing: Framing,
    /// The server lets the connection stay open.
    pub(crate) stays: bool,
}
