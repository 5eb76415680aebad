"""Custom parameters to JSON and back."""

ATTRIBUTES = ('label', 'default', 'min', 'max', 'normMin', 'normMax', 'clampMin', 'clampMax', 'enable', 'readOnly', 'help')


def pageOf(comp, name):
    for page in comp.customPages:
        if page.name == name:
            return page
    return comp.appendCustomPage(name)


def addPar(comp, d):
    page = pageOf(comp, d.get('page', 'Custom'))
    style = d['style']
    name = d['name'].capitalize()
    append = getattr(page, 'append' + style, None)
    if append is None:
        raise ValueError('no style ' + style)
    if style in ('Int', 'Float') and d.get('size', 1) > 1:
        group = append(name, label=d.get('label'), size=d['size'])
    else:
        group = append(name, label=d.get('label', d['name']))
    for i, par in enumerate(group):
        if 'menuNames' in d:
            par.menuNames = d['menuNames']
            par.menuLabels = d.get('menuLabels', d['menuNames'])
        for attribute in ATTRIBUTES[1:]:
            if attribute in d:
                value = d[attribute]
                setattr(par, attribute, value[i] if isinstance(value, list) else value)
        if 'value' in d:
            par.val = d['value'][i] if isinstance(d['value'], list) else d['value']
        elif 'default' in d:
            par.val = par.default
        if 'expr' in d:
            par.expr = d['expr']
    return [p.name for p in group]


def parToDict(par):
    d = {'name': par.name, 'page': par.page.name, 'style': par.style, 'label': par.label, 'value': par.eval()}
    if par.isMenu:
        d['menuNames'] = list(par.menuNames)
        d['menuIndex'] = par.menuIndex
    if par.isNumber and not par.isMenu:
        d.update(min=par.min, max=par.max, normMin=par.normMin, normMax=par.normMax, clampMin=par.clampMin)
        d['normVal'] = round(par.normVal, 3)
    if par.mode == ParMode.EXPRESSION:
        d['expr'] = par.expr
    if isinstance(d['value'], OP):
        d['value'] = d['value'].path
    return d
