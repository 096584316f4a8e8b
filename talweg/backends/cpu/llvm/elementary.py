"""Temporary stand-in until the vector functions land: the C library's, one element at a time."""
def definitions(needed):
    lines=[]
    names={"erf","erfc"}
    for name,t in needed:
        s={"float":"f32","double":"f64"}[t]; c=name+("f" if t=="float" else "")
        args=2 if name in("pow","atan2") else 1
        if name=="sigmoid":
            lines.append(f"define internal {t} @tw_sigmoid_{t}({t} %x) alwaysinline {{\n %n = fneg {t} %x\n %e = call {t} @llvm.exp.{s}({t} %n)\n %d = fadd {t} %e, 1.0\n %r = fdiv {t} 1.0, %d\n ret {t} %r\n}}\ndeclare {t} @llvm.exp.{s}({t})")
            continue
        p=", ".join(f"{t} %x{i}" for i in range(args))
        lines.append(f"declare {t} @{c}({', '.join([t]*args)})\ndefine internal {t} @tw_{name}_{t}({p}) alwaysinline {{\n %r = call {t} @{c}({p})\n ret {t} %r\n}}")
    return "\n".join(lines)
