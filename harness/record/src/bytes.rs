//! Little-endian cursors over the bytes of a row, so that a row's two directions read alike.

pub(crate) struct RowWriter<'a> {
    rest: &'a mut [u8],
}

impl<'a> RowWriter<'a> {
    #[inline]
    pub(crate) fn new(bytes: &'a mut [u8]) -> Self {
        Self { rest: bytes }
    }

    #[inline]
    pub(crate) fn u8(self, value: u8) -> Self {
        self.put(value.to_le_bytes())
    }

    #[inline]
    pub(crate) fn u16(self, value: u16) -> Self {
        self.put(value.to_le_bytes())
    }

    #[inline]
    pub(crate) fn u32(self, value: u32) -> Self {
        self.put(value.to_le_bytes())
    }

    #[inline]
    pub(crate) fn u64(self, value: u64) -> Self {
        self.put(value.to_le_bytes())
    }

    #[inline]
    fn put<const N: usize>(self, value: [u8; N]) -> Self {
        let (place, rest) =
            self.rest.split_first_chunk_mut().expect("a row's writer is given no more than a row holds");
        *place = value;
        Self { rest }
    }
}

pub(crate) struct RowReader<'a> {
    bytes: &'a [u8],
}

impl<'a> RowReader<'a> {
    #[inline]
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes }
    }

    #[inline]
    pub(crate) fn u8(&mut self) -> u8 {
        u8::from_le_bytes(self.take())
    }

    #[inline]
    pub(crate) fn u16(&mut self) -> u16 {
        u16::from_le_bytes(self.take())
    }

    #[inline]
    pub(crate) fn u32(&mut self) -> u32 {
        u32::from_le_bytes(self.take())
    }

    #[inline]
    pub(crate) fn u64(&mut self) -> u64 {
        u64::from_le_bytes(self.take())
    }

    #[inline]
    fn take<const N: usize>(&mut self) -> [u8; N] {
        let (head, rest) =
            self.bytes.split_first_chunk().expect("a row's reader takes no more than a row holds");
        self.bytes = rest;
        *head
    }
}
