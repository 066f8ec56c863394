//! Rows of CSV.
use millstream_formats::{Csv, Decode, Encode};
use proptest::prelude::*;
use serde::{Deserialize, Serialize};

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Order {
    id: u64,
    name: String,
    price: Option<f64>,
}

fn order(id: u64, name: &str, price: Option<f64>) -> Order {
    Order { id, name: name.into(), price }
}

#[test]
fn fields_are_taken_in_order() {
    let row: Order = Csv::new().decode(br#"3,"a ""b"", c",1.5"#).unwrap();
    assert_eq!(row, order(3, r#"a "b", c"#, Some(1.5)));
    let row: Order = Csv::new().delimiter(b';').decode(b"3;x;").unwrap();
    assert_eq!(row, order(3, "x", None));
}

#[test]
fn columns_are_found_by_name() {
    let mut csv = Csv::new().columns(["price", "extra", "id", "name"]);
    assert!(csv.is_header(b"price,extra,id,name"));
    assert!(!csv.is_header(b"1,2,3,4"));
    let row: Order = csv.decode(b"2,z,1,y").unwrap();
    assert_eq!(row, order(1, "y", Some(2.0)));
    assert!(Decode::<Order>::decode(&mut csv, b"price,extra,id,name").unwrap_err().contains("header"));
    assert!(Decode::<Order>::decode(&mut csv, b"1,2").unwrap_err().contains("2 fields, but 4 columns"));
}

#[test]
fn what_is_no_row_is_an_error() {
    for line in [&b""[..], b"x,y,1", b"1", b"1,a\n2,b", b"1,\xff,2"] {
        assert!(Decode::<Order>::decode(&mut Csv::new(), line).is_err(), "{line:?}");
    }
}

#[test]
fn a_header_stands_once_in_each_file() {
    let mut csv = Csv::new().headers(true);
    let mut files = vec![];
    for _ in 0..2 {
        Encode::<Order>::begin_file(&mut csv);
        let mut out = vec![];
        for id in 0..2 {
            csv.encode(&order(id, "a,b", None), &mut out).unwrap();
            out.push(b'\n');
        }
        files.push(String::from_utf8(out).unwrap());
    }
    assert_eq!(files[0], "id,name,price\n0,\"a,b\",\n1,\"a,b\",\n");
    assert_eq!(files[0], files[1]);
}

#[test]
fn an_error_leaves_no_part_of_a_row() {
    let mut csv = Csv::new();
    let mut out = vec![];
    assert!(csv.encode(&(1, std::collections::BTreeMap::from([(1, 2)])), &mut out).is_err());
    out.clear();
    csv.encode(&(7, "x"), &mut out).unwrap();
    assert_eq!(out, b"7,x");
}

proptest! {
    #[test]
    fn rows_come_back(id: u64, name in "[^\n\r]{0,20}", price in proptest::option::of(-1e9..1e9)) {
        let row = Order { id, name, price };
        let mut out = vec![];
        Csv::new().encode(&row, &mut out).unwrap();
        prop_assert_eq!(Csv::new().decode(&out), Ok(row));
    }

    #[test]
    fn any_bytes_are_a_row_or_an_error(bytes: Vec<u8>) {
        let _: Result<Order, String> = Csv::new().columns(["id", "name", "price"]).decode(&bytes);
    }
}
