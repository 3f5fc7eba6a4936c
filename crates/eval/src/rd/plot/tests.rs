use super::*;

fn apart(places: &[f64], step: f64) -> bool {
    let mut sorted = places.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.windows(2).all(|w| w[1] - w[0] >= step - 1e-9)
}

#[test]
fn labels_with_room_stay() {
    assert_eq!(
        spread(&[50.0, 10.0, 90.0], 20.0, (0.0, 100.0)),
        [50.0, 10.0, 90.0]
    );
    assert!(spread(&[], 20.0, (0.0, 100.0)).is_empty());
}

#[test]
fn labels_too_close_are_spread_about_their_mean() {
    assert_eq!(
        spread(&[50.0, 50.0, 50.0], 10.0, (0.0, 100.0)),
        [40.0, 50.0, 60.0]
    );
    assert_eq!(spread(&[52.0, 48.0], 10.0, (0.0, 100.0)), [55.0, 45.0]);
}

#[test]
fn labels_keep_their_order_inside_the_range() {
    let wanted = [99.0, 98.0, 97.0, 3.0, 2.0, 60.0];
    let places = spread(&wanted, 12.0, (0.0, 100.0));
    assert!(apart(&places, 12.0), "{places:?}");
    assert!(
        places.iter().all(|p| (0.0..=100.0).contains(p)),
        "{places:?}"
    );
    for i in 0..wanted.len() {
        for j in 0..wanted.len() {
            assert!(wanted[i] >= wanted[j] || places[i] < places[j]);
        }
    }
}

#[test]
fn axes_have_round_numbers() {
    let names = |a: &Axis| -> Vec<String> { a.ticks.iter().map(|t| t.1.clone()).collect() };
    let log = Axis::log(0.045, 0.9995, (0.0, 1.0));
    assert_eq!(
        names(&log),
        [
            "0.05", "0.07", "0.1", "0.15", "0.2", "0.3", "0.5", "0.7", "1"
        ]
    );
    assert_eq!(
        names(&Axis::linear(-20.0, 80.0, (0.0, 1.0), 6.0)),
        ["\u{2212}20", "0", "20", "40", "60", "80"]
    );
    assert_eq!(
        names(&Axis::rounded(20.8, 40.3, (0.0, 1.0), 10.0)).concat(),
        "202224262830323436384042"
    );
    assert_eq!(log.place(0.045), 0.0);
    assert!((log.place(0.9995) - 1.0).abs() < 1e-12);
}

#[test]
fn paths_are_cut_at_the_borders() {
    let middle = (TOP + BOTTOM) / 2.0;
    let path = [
        (0.0, BOTTOM + 10.0),
        (1.0, BOTTOM - 10.0),
        (2.0, middle),
        (3.0, TOP - 10.0),
    ];
    let parts = clip(path.into_iter());
    assert_eq!(parts.len(), 1);
    assert_eq!(parts[0][0], (0.5, BOTTOM));
    assert_eq!(parts[0].last().map(|p| p.1.round()), Some(TOP));
    assert!(clip([(0.0, 0.0), (1.0, 0.0)].into_iter()).is_empty());
}
