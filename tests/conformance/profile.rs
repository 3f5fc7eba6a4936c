//! A small ICC profile.

/// A display profile of the primaries of Display P3 with a gamma of 2.2: other than sRGB, so that
/// encoders keep it.
pub fn wide() -> Vec<u8> {
    let curve = [&b"curv\0\0\0\0"[..], &[0, 0, 0, 1, 2, 0x33, 0, 0]].concat();
    let text = [&b"text\0\0\0\0"[..], b"public domain\0\0\0"].concat();
    let name = b"a wide display\0";
    let mut about = b"desc\0\0\0\0".to_vec();
    about.extend((name.len() as u32).to_be_bytes());
    about.extend(name);
    // No other languages.
    about.extend([0; 78]);
    about.resize(about.len().next_multiple_of(4), 0);
    // Units of 2^-16, adapted to D50.
    let point = |xyz: [i32; 3]| {
        let numbers = xyz.into_iter().flat_map(i32::to_be_bytes);
        b"XYZ \0\0\0\0"
            .iter()
            .copied()
            .chain(numbers)
            .collect::<Vec<u8>>()
    };
    let tags: [(&[u8; 4], Vec<u8>); 9] = [
        (b"desc", about),
        (b"cprt", text),
        (b"wtpt", point([63190, 65536, 54061])),
        (b"rXYZ", point([33759, 15808, -69])),
        (b"gXYZ", point([19134, 45390, 2744])),
        (b"bXYZ", point([10304, 4338, 51385])),
        (b"rTRC", curve.clone()),
        (b"gTRC", curve.clone()),
        (b"bTRC", curve),
    ];
    let mut table = (tags.len() as u32).to_be_bytes().to_vec();
    let (first, mut data) = (128 + 4 + 12 * tags.len(), Vec::new());
    for (name, bytes) in tags {
        table.extend(name);
        table.extend(((first + data.len()) as u32).to_be_bytes());
        table.extend((bytes.len() as u32).to_be_bytes());
        data.extend(bytes);
    }
    let mut head = ((first + data.len()) as u32).to_be_bytes().to_vec();
    head.extend(b"\0\0\0\0\x02\x10\0\0mntrRGB XYZ ");
    // 25 November 2026.
    head.extend([0x07, 0xea, 0, 11, 0, 25, 0, 0, 0, 0, 0, 0]);
    head.extend(b"acsp");
    head.resize(68, 0);
    head.extend([63190, 65536, 54061].into_iter().flat_map(i32::to_be_bytes));
    head.resize(128, 0);
    [head, table, data].concat()
}
