//! Numbers, numbers of messages, and the way back of places.

use super::*;

#[test]
fn sums_and_products_are_exact_and_what_is_no_number_stays() {
    for (one, other, without, expected) in [
        ("8", "2.00", false, "10"),
        ("0.1", "0.2", false, "0.3"),
        ("336.8", "9.5", true, "327.3"),
        ("9999999999999999999", "1", false, "10000000000000000000"),
        ("x", "1", false, "x"),
        ("1", "1e3", false, "1e3"),
        ("1_0", "1", false, "1_0"),
        ("", "1", true, ""),
    ] {
        assert_eq!(sum(one, other, without), expected, "{one} {other}");
    }
    assert_eq!(product("99.5", "2").unwrap(), "199");
    assert_eq!(product("0.00001", "0.5").unwrap(), "0.00001");
    assert_eq!(product("9999999999999999999", "9999999999999999999"), None);
    assert_eq!(product("x", "1"), None);
}

#[test]
fn the_same_text_has_the_same_numbers() {
    let guid = |text: &str, order: &str| Guids::of(text).guid(order);
    assert_eq!(guid("<mo/>", "1"), guid("<mo/>", "1"));
    assert_ne!(guid("<mo/>", "1"), guid("<mo/>", "2"));
    assert_ne!(guid("<mo/>", "1"), guid("<mo />", "1"));
    assert_eq!(guid("<mo/>", "").len(), 36);
}

const MO: &[u8] = b"<mo><head/><body><orderInfoList><orderInfo/><orderInfo>
<jkfSign><companyCode>C</companyCode><businessNo>B2</businessNo></jkfSign>
<jkfOrderImportHead><feeAmount>1</feeAmount></jkfOrderImportHead>
<jkfOrderDetailList><jkfOrderDetail/><jkfOrderDetail><unitPrice>1</unitPrice></jkfOrderDetail>
</jkfOrderDetailList></orderInfo></orderInfoList></body></mo>";

#[test]
fn a_path_of_the_norm_is_a_place_in_the_mo() {
    let places = Places::of(MO);
    let order = "/mo/body/orderInfoList/orderInfo";
    for (path, expected, line) in [
        ("/CEB311Message/Order[2]/OrderHead/freight", "[2]/jkfOrderImportHead/feeAmount", 3),
        ("/CEB311Message/Order[2]/OrderHead", "[2]/jkfOrderImportHead", 3),
        ("/CEB311Message/Order[2]/OrderHead/note", "[2]/jkfOrderImportHead", 3),
        ("/CEB311Message/Order[2]/OrderHead/buyerName", "[2]", 1),
        ("/CEB311Message/Order[2]/OrderHead/appType", "[2]/jkfSign", 2),
        (
            "/CEB311Message/Order[2]/OrderList[2]/totalPrice",
            "[2]/jkfOrderDetailList/jkfOrderDetail[2]/unitPrice",
            4,
        ),
        ("/CEB311Message/Order[2]/OrderList", "[2]/jkfOrderDetailList/jkfOrderDetail[1]", 4),
        ("/CEB311Message/Order[1]", "[1]", 1),
        ("/CEB311Message/BaseTransfer/copName", "[1]", 1),
    ] {
        let (found, position) = places.find(path).unwrap();
        assert_eq!((found, position.line), (format!("{order}{expected}"), line), "{path}");
    }
    for path in ["", "/", "/CEB311Message", "/CEB311Message/@guid"] {
        let (found, _) = places.find(path).unwrap();
        assert!("/mo/body/orderInfoList".starts_with(&found), "{path}: {found}");
    }
    assert_eq!(Places::of(b"x").find("/CEB311Message"), None);
}

#[test]
fn every_order_says_its_number_for_the_answer() {
    let found = signs(MO);
    assert_eq!(found[0], Sign::default());
    assert_eq!((found[1].company_code.as_str(), found[1].business_no.as_str()), ("C", "B2"));
    assert_eq!(signs(b"x"), []);
}
