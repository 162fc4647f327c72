use std::collections::*;
use std::fs;
use std::path::{Path, PathBuf};
use sahut_domain::office::{OfficeCode, OfficeKind};
use sahut_domain::decision::*;
use sahut_routing::{Input, RuleSet, Source};

fn data(name: &str) -> Option<Vec<HashMap<String, String>>> {
    let text = fs::read_to_string(Path::new("/work/shared/data").join(name)).ok()?;
    let mut lines = text.lines();
    let head: Vec<_> = lines.next()?.split('\t').map(str::to_owned).collect();
    Some(lines.map(|l| head.iter().cloned().zip(l.split('\t').map(str::to_owned)).collect()).collect())
}
fn rules(kec: bool) -> RuleSet {
    let dir = std::env::var("RULES").unwrap_or("/tmp/base/rules".into());
    let mut sources = vec![];
    let mut codes = BTreeSet::new();
    for d in dir.split(',') { for e in fs::read_dir(d).unwrap() { let p = e.unwrap().path(); if !kec && p.file_stem().unwrap() == "kecamatan" { continue } let text = fs::read_to_string(&p).unwrap();
        for l in text.lines() { if let Some(r) = l.strip_prefix("duty = \"") { codes.insert(r.split('"').next().unwrap().to_owned()); } }
        sources.push(Source{path: p.display().to_string(), text}); } }
    let offices: Vec<_> = codes.iter().map(|c| (OfficeCode::parse(c).unwrap(), if c == "kecamatan" {OfficeKind::District} else {OfficeKind::Technical})).collect();
    match RuleSet::compile(&sources, &offices, &OfficeCode::parse("setda").unwrap()) { Ok(r) => { println!("phrases {} warnings {}", r.phrases(), r.warnings().len()); if std::env::var("WARN").is_ok() { for w in r.warnings() { println!("{}", w.render()); } } r }, Err(ps) => { for p in ps.iter().filter(|p| p.severity==sahut_routing::Severity::Error) { println!("{}", p.render()); } panic!() } }
}
fn ranks(d: &Decision) -> Vec<String> {
    d.scores.iter().map(|s| s.office.to_string()).collect()
}
#[test] fn dev() {
    let r = rules(true); let rb = rules(false);
    let mut kk=[0;3]; let show = std::env::var("SHOW").ok();
    let field = |r: &HashMap<String,String>, k: &str| r.get(k).cloned().unwrap_or_default();
    let (mut n, mut t1, mut t3, mut n2, mut b1, mut b3, mut tri, mut acc, mut accok) = (0,0,0,0,0,0,0,0,0);
    let mut conf: BTreeMap<(String,String), usize> = BTreeMap::new(); let mut confb: BTreeMap<(String,String), usize> = BTreeMap::new();
    for row in data("lapor_kab.tsv").unwrap() {
        let (title, text, label) = (field(&row,"title"), field(&row,"text"), field(&row,"label"));
        let d = r.decide(&Input{subject: Some(&title), ..Input::of(&text)});
        let rk = ranks(&d);
        let ok1 = rk.first() == Some(&label); let ok3 = rk.iter().take(3).any(|x| *x == label);
        n+=1; t1+=ok1 as i32; t3+=ok3 as i32;
        if d.needs_triage() { tri+=1 } else { acc+=1; accok+=(d.office.as_ref().map(|o|o.as_str())==Some(label.as_str())) as i32; }
        kk[0] += (label=="kecamatan") as i32; kk[1] += (rk.first().is_some_and(|x| x=="kecamatan")) as i32; kk[2] += (ok1 && label=="kecamatan") as i32; if label != "kecamatan" { let d0 = &d; let _ = d0; let d = rb.decide(&Input{subject: Some(&title), ..Input::of(&text)}); let rk = ranks(&d); n2+=1; b1+=(rk.first() == Some(&label)) as i32; if rk.first() != Some(&label) { *confb.entry((label.clone(), rk.first().cloned().unwrap_or("-".into()))).or_default()+=1; if show.as_deref()==Some(&format!("b:{label}")) { println!("--- {} | {}\n   {:?}", title, text.chars().take(300).collect::<String>(), d.scores.iter().take(3).map(|s|(s.office.to_string(), s.points, s.matches.iter().map(|m|format!("{}:{}",m.phrase,m.weight)).collect::<Vec<_>>())).collect::<Vec<_>>()); } } b3+=(rk.iter().take(3).any(|x| *x == label)) as i32; }
        if !ok1 { *conf.entry((label.clone(), rk.first().cloned().unwrap_or("-".into()))).or_default()+=1; }
        if show.as_deref()==Some(&label) && !ok1 { println!("--- {} | {}\n   {:?}", title, text.chars().take(300).collect::<String>(), d.scores.iter().take(3).map(|s|(s.office.to_string(), s.points, s.matches.iter().map(|m|m.phrase.clone()).collect::<Vec<_>>())).collect::<Vec<_>>()); }
    }
    let p = |a: i32, b: i32| 100.0*f64::from(a)/f64::from(b);
    println!("A n{n} top1 {:.1} top3 {:.1} | B top1 {:.1} top3 {:.1} | triage {:.1}% assigned-acc {:.1}", p(t1,n),p(t3,n),p(b1,n2),p(b3,n2),p(tri,n),p(accok,acc));
    let mut c: Vec<_> = conf.into_iter().collect(); c.sort_by_key(|x| std::cmp::Reverse(x.1)); println!("{:?}", c.iter().take(40).map(|((a,b),n)| format!("{a}>{b}:{n}")).collect::<Vec<_>>());
    let mut c: Vec<_> = confb.into_iter().collect(); c.sort_by_key(|x| std::cmp::Reverse(x.1)); println!("KEC {kk:?}"); println!("B {:?}", c.iter().take(40).map(|((a,b),n)| format!("{a}>{b}:{n}")).collect::<Vec<_>>());
    let (mut n, mut ok, mut okp, mut none) = (0,0,0,0);
    let mut conf: BTreeMap<(String,String), usize> = BTreeMap::new();
    for row in data("tweet_kota.tsv").unwrap() {
        let (text, label, accept) = (field(&row,"text"), field(&row,"label"), field(&row,"accept"));
        let d = r.decide(&Input{subject: Some(""), ..Input::of(&text)});
        let mut rk = ranks(&d).first().cloned(); if let Some(o) = &d.outside { rk = Some(format!("luar:{o}")); }
        n+=1; let okk = rk.as_ref().is_some_and(|x| *x==label); let oka = okk || rk.as_ref().is_some_and(|x| accept.split(',').any(|a| a==x));
        okp+=okk as i32; ok+=oka as i32; none+=rk.is_none() as i32;
        if !oka { *conf.entry((label.clone(), rk.clone().unwrap_or("-".into()))).or_default()+=1; }
        if show.as_deref()==Some(&format!("t:{label}")) && !oka { println!("--- {}\n   {:?}", text, d.scores.iter().take(3).map(|s|(s.office.to_string(), s.points, s.matches.iter().map(|m|m.phrase.clone()).collect::<Vec<_>>())).collect::<Vec<_>>()); }
    }
    println!("D primary {:.1} D2 accept {:.1} unmatched {:.1}", p(okp,n), p(ok,n), p(none,n));
    let mut c: Vec<_> = conf.into_iter().collect(); c.sort_by_key(|x| std::cmp::Reverse(x.1)); println!("{:?}", c.iter().take(25).map(|((a,b),n)| format!("{a}>{b}:{n}")).collect::<Vec<_>>());
    let mut m: BTreeMap<(String,bool), i32> = BTreeMap::new();
    for row in data("tweet_perlu_tindakan.tsv").unwrap() {
        let (text, label) = (field(&row,"text"), field(&row,"label"));
        let d = r.decide(&Input::of(&text));
        let need = d.kind.needs_action();
        *m.entry((label.clone(), need)).or_default()+=1;
        if show.as_deref()==Some(&format!("g:{label}:{need}")) { println!("--- {} [{}] {:?}", text, d.kind, d.kind_words.iter().map(|m|m.phrase.clone()).collect::<Vec<_>>()); }
    }
    let g = |l: &str, b: bool| *m.get(&(l.to_owned(), b)).unwrap_or(&0);
    let right = g("keluhan",true)+g("bukan",false)+g("respon",false); let all: i32 = m.values().sum();
    println!("gate acc {:.1} P {:.1} R {:.1} {:?}", p(right,all), p(g("keluhan",true), g("keluhan",true)+g("bukan",true)+g("respon",true)), p(g("keluhan",true), g("keluhan",true)+g("keluhan",false)), m);
    let (mut n, mut open, mut routed) = (0,0,0);
    for row in data("ig_pemkot_komentar.tsv").unwrap() {
        let text = field(&row,"komentar");
        let d = r.decide(&Input::of(&text)); n+=1; open+=d.kind.needs_action() as i32; routed+=(d.kind.needs_action() && !d.needs_triage()) as i32;
        if show.as_deref()==Some("ig") && d.kind.needs_action() { println!("--- {} [{}] {:?} {:?}", text, d.kind, d.kind_words.iter().map(|m|m.phrase.clone()).collect::<Vec<_>>(), d.office); }
    }
    println!("ig open {:.1} routed {:.1}", p(open,n), p(routed,n));
}
