//! Little-endian cursors over the bytes of a row, so that a row's two directions read alike.

pub(crate) struct RowWriter<const N: usize> {
    bytes: [u8; N],
    at: usize,
}

impl<const N: usize> RowWriter<N> {
    pub(crate) fn new() -> Self {
        Self { bytes: [0; N], at: 0 }
    }

    pub(crate) fn u8(self, value: u8) -> Self {
        self.put(&value.to_le_bytes())
    }

    pub(crate) fn u16(self, value: u16) -> Self {
        self.put(&value.to_le_bytes())
    }

    pub(crate) fn u32(self, value: u32) -> Self {
        self.put(&value.to_le_bytes())
    }

    pub(crate) fn u64(self, value: u64) -> Self {
        self.put(&value.to_le_bytes())
    }

    pub(crate) fn finish(self) -> [u8; N] {
        self.bytes
    }

    fn put(mut self, value: &[u8]) -> Self {
        self.bytes[self.at..self.at + value.len()].copy_from_slice(value);
        self.at += value.len();
        self
    }
}

pub(crate) struct RowReader<'a> {
    bytes: &'a [u8],
}

impl<'a> RowReader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes }
    }

    pub(crate) fn u8(&mut self) -> u8 {
        u8::from_le_bytes(self.take())
    }

    pub(crate) fn u16(&mut self) -> u16 {
        u16::from_le_bytes(self.take())
    }

    pub(crate) fn u32(&mut self) -> u32 {
        u32::from_le_bytes(self.take())
    }

    pub(crate) fn u64(&mut self) -> u64 {
        u64::from_le_bytes(self.take())
    }

    fn take<const N: usize>(&mut self) -> [u8; N] {
        let (head, rest) =
            self.bytes.split_first_chunk().expect("a row's reader takes no more than a row holds");
        self.bytes = rest;
        *head
    }
}
